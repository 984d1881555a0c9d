import { QmpArgumentError } from './errors.js';

/** Where a monitor listens. Written as text: `unix:/path`, `tcp:host:port`, `ws://host:port/path`. */
export type QmpAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'websocket'; readonly url: string };

/**
 * Reads an address. An IPv6 host stands in brackets: `tcp:[::1]:4444`.
 *
 * @throws QmpArgumentError if the text is none of the forms above
 */
export function parseAddress(text: string): QmpAddress {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (path === '') throw notAnAddress(text, 'the path is missing');
    return { kind: 'unix', path };
  }
  if (text.startsWith('tcp:')) {
    const match = /^tcp:(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text);
    const host = match?.[1] ?? match?.[2];
    const port = Number(match?.[3]);
    if (host === undefined || !(port >= 1 && port <= 65535)) {
      throw notAnAddress(text, 'expected tcp:HOST:PORT');
    }
    return { kind: 'tcp', host, port };
  }
  if (/^wss?:\/\//.test(text)) {
    if (!URL.canParse(text)) throw notAnAddress(text, 'the URL is not valid');
    return { kind: 'websocket', url: text };
  }
  throw notAnAddress(text, 'it begins with no known kind of address');
}

export function formatAddress(address: QmpAddress): string {
  switch (address.kind) {
    case 'unix':
      return `unix:${address.path}`;
    case 'tcp':
      return `tcp:${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
    case 'websocket':
      return address.url;
  }
}

function notAnAddress(text: string, why: string): QmpArgumentError {
  return new QmpArgumentError(
    `"${text}" is not the address of a monitor: ${why}. Use unix:/path/to/socket, tcp:host:port or ws://host:port.`,
  );
}
