/**
 * Text for HTML and XML, in elements and in quoted attributes. A journal may hold anything: what QEMU
 * said, what was on a command line. Characters that XML 1.0 does not have become U+FFFD.
 */
export function escapeMarkup(text: string): string {
  return text
    .replaceAll(forbidden, '\ufffd')
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}

/** All but tab, newline and carriage return below a space; DEL to U+009F; halves of surrogate pairs; U+FFFE, U+FFFF. */
// eslint-disable-next-line no-control-regex -- these are what is looked for
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]|\p{Cs}/gu;

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
