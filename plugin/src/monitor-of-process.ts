/** Where the QMP monitors of a QEMU are, from its own command line (qemu(1): -qmp, -mon, -chardev). */
import { formatAddress } from 'qemu-qmp-client-ts';

export interface MonitorsOfProcess {
  /** Addresses of monitors that listen, in the order of the command line. */
  readonly addresses: readonly string[];
  /** A monitor is a descriptor that a manager, such as libvirt, handed over: nobody else can connect. */
  readonly handedOver: boolean;
  /** `-name guest=NAME`. */
  readonly guest: string | undefined;
}

/** Pure. @param commandLine the program's name first */
export function monitorsOf(commandLine: readonly string[]): MonitorsOfProcess {
  const options = optionsIn(commandLine);
  const backends = options
    .filter(([name]) => name === 'chardev')
    .map(([, value]) => keyValues(value, 'backend'));
  const found: (string | undefined)[] = [];
  let guest: string | undefined;
  for (const [name, value] of options) {
    if (name === 'name') guest = keyValues(value, 'guest').get('guest');
    if (name === 'qmp' || name === 'qmp-pretty') {
      const id = /^chardev:(.*)$/.exec(value)?.[1];
      found.push(id === undefined ? addressOfDevice(value) : backendAddress(backends, id));
    }
    if (name === 'mon') {
      const monitor = keyValues(value, 'chardev');
      if (monitor.get('mode') !== 'control') continue;
      found.push(backendAddress(backends, monitor.get('chardev')));
    }
  }
  return {
    addresses: found.filter(
      (address): address is string => address !== undefined && address !== byFd,
    ),
    handedOver: found.includes(byFd),
    guest,
  };
}

/** In place of an address: the socket is a descriptor that QEMU was started with. */
const byFd = 'fd';

/** Names without dashes, each with the argument that follows. */
function optionsIn(commandLine: readonly string[]): [name: string, value: string][] {
  return commandLine.flatMap((word, i): [string, string][] => {
    const name = /^--?([a-z][a-z-]*)$/.exec(word)?.[1];
    const value = commandLine[i + 1];
    return name === undefined || value === undefined ? [] : [[name, value]];
  });
}

/** `a,b=1,c`: values by name, where the first may go without its name; `,,` is a comma in a value. */
function keyValues(text: string, first: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const [i, part] of text.split(/(?<!,),(?!,)/).entries()) {
    const [, name, value] = /^([^=]*)=(.*)$/s.exec(part) ?? [];
    const key = name ?? (i === 0 ? first : part);
    values.set(key, (value ?? (i === 0 ? part : 'on')).replaceAll(',,', ','));
  }
  return values;
}

/** A device as -qmp takes it: `unix:PATH,server=on`, `tcp:HOST:PORT,server=on`, `websocket:HOST:PORT`. */
function addressOfDevice(text: string): string | undefined {
  const device = keyValues(text, 'device');
  const [, kind, place = ''] =
    /^(unix|tcp|websocket):(.*)$/s.exec(device.get('device') ?? '') ?? [];
  if (kind === undefined || !isOn(device.get('server'))) return undefined;
  if (kind === 'unix') return formatAddress({ kind, path: place });
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(place) ?? [];
  return tcpAddress(host, port, kind === 'websocket');
}

function backendAddress(
  backends: readonly Map<string, string>[],
  id: string | undefined,
): string | undefined {
  const backend = backends.find((one) => one.get('id') === id);
  if (backend?.get('backend') !== 'socket' || !isOn(backend.get('server'))) return undefined;
  if (backend.has('fd')) return byFd;
  const path = backend.get('path');
  if (path !== undefined) {
    return isOn(backend.get('abstract')) ? undefined : formatAddress({ kind: 'unix', path });
  }
  if (backend.has('tls-creds')) return undefined;
  const { host = '', port = '' } = Object.fromEntries(backend);
  return tcpAddress(host, port, isOn(backend.get('websocket')));
}

function isOn(value: string | undefined): boolean {
  return value === 'on' || value === 'yes' || value === 'true';
}

/** Whoever listens everywhere is reached here. */
function tcpAddress(host: string, port: string, websocket: boolean): string | undefined {
  if (!/^\d+$/.test(port)) return undefined;
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  const reached = ['', '0.0.0.0', '::'].includes(bare) ? 'localhost' : bare;
  const tcp = formatAddress({ kind: 'tcp', host: reached, port: Number(port) });
  return websocket ? `ws://${tcp.slice('tcp:'.length)}` : tcp;
}
