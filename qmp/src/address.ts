import { QmpArgumentError } from './errors.js';

/**
 * Where a monitor is. Written as text: `unix:/path`, `tcp:host:port`, `ws://host:port/path`,
 * `libvirt:DOMAIN` or `libvirt:URI#DOMAIN`.
 */
export type QmpAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'websocket'; readonly url: string }
  | {
      readonly kind: 'libvirt';
      /** libvirt's connection URI; undefined for libvirt's default. */
      readonly uri: string | undefined;
      /** The domain's name, id or UUID. */
      readonly domain: string;
    };

/**
 * Reads an address. An IPv6 host stands in brackets: `tcp:[::1]:4444`.
 *
 * @throws QmpArgumentError if the text is none of the forms above
 */
export function parseAddress(text: string, options: { allowPortZero?: boolean } = {}): QmpAddress {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (path === '') throw notAnAddress(text, 'the path is missing');
    return { kind: 'unix', path };
  }
  if (text.startsWith('tcp:')) {
    const match = /^tcp:(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text);
    const host = match?.[1] ?? match?.[2];
    const port = Number(match?.[3]);
    const lowest = options.allowPortZero === true ? 0 : 1;
    if (host === undefined || !(port >= lowest && port <= 65535)) {
      throw notAnAddress(text, 'expected tcp:HOST:PORT');
    }
    return { kind: 'tcp', host, port };
  }
  if (/^wss?:\/\//.test(text)) {
    if (!URL.canParse(text)) throw notAnAddress(text, 'the URL is not valid');
    return { kind: 'websocket', url: text };
  }
  if (text.startsWith('libvirt:')) {
    const rest = text.slice('libvirt:'.length);
    const hash = rest.lastIndexOf('#');
    const domain = rest.slice(hash + 1);
    if (domain === '' || domain.startsWith('-')) throw notAnAddress(text, 'the domain is missing');
    return { kind: 'libvirt', uri: hash > 0 ? rest.slice(0, hash) : undefined, domain };
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
    case 'libvirt':
      return `libvirt:${address.uri === undefined ? '' : `${address.uri}#`}${address.domain}`;
  }
}

function notAnAddress(text: string, why: string): QmpArgumentError {
  return new QmpArgumentError(
    `"${text}" is not the address of a monitor: ${why}. Use unix:/path/to/socket, tcp:host:port, ws://host:port or libvirt:DOMAIN.`,
  );
}
