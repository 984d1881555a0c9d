import type { Readable } from 'node:stream';

/** More than any domain's XML; what comes after is not read. */
const mostBytes = 4 * 2 ** 20;
/** libvirt writes it at once. Whoever runs the hook by hand may leave stdin open. */
const timeoutMs = 2000;

/**
 * The domain's XML.
 *
 * @throws Error if there is too much, or it does not end
 */
export async function readInput(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const timer = setTimeout(() => {
    stream.destroy(new Error(`stdin did not end within ${timeoutMs / 1000} s`));
  }, timeoutMs);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes > mostBytes) throw new Error(`stdin has more than ${mostBytes} bytes`);
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
