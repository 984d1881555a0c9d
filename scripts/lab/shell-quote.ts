/** The text as one word of a POSIX shell, whatever it holds (a NUL byte can't be in a word). */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
