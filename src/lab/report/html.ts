import { printable } from '../../format/printable.ts';

/** Markup whose parts were escaped. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What stands in a page: text, which is escaped, or markup. Nothing for undefined and false. */
export type Part = Html | string | number | undefined | false | readonly Part[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Markup around parts: html`<p title="${text}">${text}</p>`. Values of attributes must be quoted. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.map((text, i) => text + markup(parts[i])).join(''));
}

function markup(part: Part): string {
  if (part === undefined || part === false) return '';
  if (part instanceof Html) return part.text;
  if (Array.isArray(part)) return part.map(markup).join('');
  return printable(String(part)).replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}

/** JSON that no parser of HTML takes for the end of its element, or for a comment. */
export function embeddedJson(value: unknown): Html {
  const json = JSON.stringify(value);
  return new Html(
    json.replace(/[<>&\u2028\u2029]/g, (character) => {
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
    }),
  );
}

/** A table that scrolls by itself where it is wider than the page. Cells of the first column are headings of their rows. */
export function table(caption: string, head: readonly string[], rows: readonly (readonly Part[])[]): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table>
<caption>${caption}</caption>
<thead><tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>
${rows.map(
  ([first, ...rest]) =>
    html`<tr><th scope="row">${first}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>\n`,
)}</tbody></table></div>`;
}
