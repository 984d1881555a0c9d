/**
 * A session as JSON lines: what was sent and received, in order, without secrets. Write one with
 * {@link recorder} as a trace's sink; play it back as a fake QEMU with `replay` of the subpath
 * `testing`.
 */
import { QmpArgumentError } from './errors.js';
import { parseJson } from './json/parse.js';
import { stringifyJson } from './json/stringify.js';
import { isJsonObject, type JsonObject } from './json/value.js';
import type { TraceEntry } from './trace.js';

/** One message of a recording. */
export interface RecordedMessage {
  readonly kind: 'sent' | 'received';
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly message: JsonObject;
}

/**
 * A trace sink that writes a recording.
 *
 *     const file = createWriteStream('session.jsonl');
 *     QmpClient.connect(address, { trace: { sink: recorder((line) => file.write(line)) } });
 *
 * @param write gets one line at a time, its line feed included
 */
export function recorder(write: (line: string) => void): (entry: TraceEntry) => void {
  return (entry) => {
    if (entry.kind !== 'note') write(`${stringifyJson({ ...entry })}\n`);
  };
}

/** Reads a recording. @throws QmpArgumentError if a line is no message of a recording */
export function parseRecording(text: string): RecordedMessage[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    let value;
    try {
      value = parseJson(line);
    } catch (error) {
      throw new QmpArgumentError(`Line ${index + 1} of the recording is not JSON.`, error);
    }
    const { kind, atMs, message } = isJsonObject(value) ? value : {};
    if (
      (kind !== 'sent' && kind !== 'received') ||
      typeof atMs !== 'number' ||
      !isJsonObject(message)
    ) {
      throw new QmpArgumentError(
        `Line ${index + 1} of the recording lacks kind, atMs or message: is this a recording?`,
      );
    }
    return [{ kind, atMs, message }];
  });
}
