/** Text and numbers as HTML. Pure: it only computes. */

const ESCAPED: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPED[character] ?? character);
}

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function whole(value: number): string {
  return WHOLE.format(value);
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

/** A number as it is read, with the one that it stands for. */
export function data(value: number, shown: string): string {
  return `<data value="${value}">${escapeHtml(shown)}</data>`;
}
