import { type Html, html, type Part } from './html.ts';

/** Names and what they stand for. */
export function list(look: string, items: readonly (readonly [name: string, value: Part])[]): Html {
  return html`<dl class="${look}">${items.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>\n`;
}
