/** The style sheet's colours, for the canvas. They change with the scheme. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export const FONT = '12px system-ui, sans-serif';
