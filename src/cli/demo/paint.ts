import { colour } from '../output.ts';

/** How text stands out on a stream: plain where that shows no colours, or NO_COLOR is set. */
export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
}

export function paintFor(stream: NodeJS.WriteStream): Paint {
  return {
    bold: (text) => colour(stream, 'bold', text),
    dim: (text) => colour(stream, 'dim', text),
    good: (text) => colour(stream, 'green', text),
    bad: (text) => colour(stream, 'red', text),
  };
}
