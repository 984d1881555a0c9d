import type { HarvestProgress } from '../harvest/dirtied.js';
import { formatMs } from '../report/format.js';
import { widthOf } from './output.js';

/** One line that is written over and over, on a terminal only. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  show(text: string): void {
    if (!this.#stream.isTTY) return;
    this.#stream.write(`\r\x1b[K${text.slice(0, widthOf(this.#stream) - 1)}`);
  }

  clear(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[K');
  }
}

export function watchingText({
  watchedMs,
  durationMs,
  lastPages,
  lastMs,
}: HarvestProgress): string {
  const rates = [...lastPages].map(
    ([name, pages]) => `${name} ${((pages / lastMs) * 1000).toFixed(0)} pages/s`,
  );
  return `watching ${formatMs(watchedMs)} of ${formatMs(durationMs)}: ${rates.join(', ')}`;
}
