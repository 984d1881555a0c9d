import { parseAddress } from 'qemu-qmp-client-ts';
import { PrecopyError } from '../errors.js';

/** `tcp:HOST:PORT`. @throws PrecopyError USAGE if it is something else */
export function tcpAddress(text: string): { readonly host: string; readonly port: number } {
  const address = parseAddress(text);
  if (address.kind === 'tcp') return { host: address.host, port: address.port };
  throw new PrecopyError(
    'USAGE',
    `${text} is no TCP address.`,
    'Write tcp:HOST:PORT, e.g. tcp:192.0.2.7:4445.',
  );
}
