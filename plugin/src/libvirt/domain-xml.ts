/**
 * What precopy needs of a domain's XML (https://libvirt.org/formatdomain.html). The XML may come from
 * anybody who may define domains, so it is bounded, and nothing in it is ever expanded or fetched.
 */
import { createRequire } from 'node:module';
import type { SaxesAttributeNS, SaxesTagNS } from 'saxes';
import { PrecopyError } from '../errors.js';

// A CommonJS package that is imported costs Node 40 ms of looking for its exports, which libvirt would
// wait for at every call of the hook.
const { SaxesParser } = createRequire(import.meta.url)('saxes') as typeof import('saxes');

/** Namespace of precopy's own element in a domain's `<metadata>`; see docs/configuration.md. */
export const metadataNamespace = 'urn:precopy:domain:1';

/** libvirt's own documents stay below 100 KiB and 12 levels, even with hundreds of devices. */
const mostCharacters = 4 * 2 ** 20;
const mostDepth = 100;

/** A device of the host that the domain shall have. */
export type HostDevice =
  | {
      readonly kind: 'pci';
      /** As sysfs names it: `0000:3b:00.2`. */
      readonly address: string;
      /** `<driver model=...>`, libvirt 10.0 and later; undefined: libvirt chooses. */
      readonly driver: string | undefined;
    }
  | { readonly kind: 'mdev'; readonly uuid: string };

/** An attribute of an element in precopy's metadata: `<rehearse every="1h"/>`. */
export interface DomainSetting {
  readonly section: string;
  readonly name: string;
  readonly value: string;
  /** Line of the XML, from 1. */
  readonly line: number;
}

export interface DomainFacts {
  readonly name: string;
  /** Lower case, with dashes. */
  readonly uuid: string;
  readonly hostDevices: readonly HostDevice[];
  readonly settings: readonly DomainSetting[];
}

/** @throws PrecopyError USAGE if this is no domain, or too large to be one */
export function parseDomain(xml: string): DomainFacts {
  if (xml.length > mostCharacters) throw noDomain(`it has more than ${mostCharacters} characters`);
  const reader = new DomainReader();
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', (error) => {
    throw noDomain(error.message);
  });
  parser.on('doctype', () => {
    // Where entity bombs and external entities would be declared; libvirt writes none.
    throw noDomain('it has a document type declaration');
  });
  parser.on('opentag', (tag) => {
    reader.open(tag, parser.line);
  });
  parser.on('text', (text) => {
    reader.text(text);
  });
  parser.on('closetag', () => {
    reader.close();
  });
  parser.write(xml).close();
  return reader.facts();
}

/** Follows the path from the root and picks up what is at the places of interest. */
class DomainReader {
  readonly #path: string[] = [];
  readonly #names: string[] = [];
  readonly #uuids: string[] = [];
  readonly #hostDevices: HostDevice[] = [];
  readonly #settings: DomainSetting[] = [];
  /** Of the device that is open. */
  #driver: string | undefined;
  #device: HostDevice | undefined;

  open(tag: SaxesTagNS, line: number): void {
    this.#path.push(tag.uri === '' ? tag.local : `{${tag.uri}}${tag.local}`);
    if (this.#path.length > mostDepth) throw noDomain(`it is nested deeper than ${mostDepth}`);
    const attribute = (name: string): string | undefined => tag.attributes[name]?.value;
    switch (this.#path.join('/')) {
      case 'domain/devices/hostdev/driver':
      case 'domain/devices/interface/driver':
        this.#driver = attribute('model');
        break;
      case 'domain/devices/hostdev/source/address':
      case 'domain/devices/interface/source/address':
        this.#device = hostDeviceAt(attribute);
        break;
      default:
        this.#setting(tag, line);
    }
  }

  text(text: string): void {
    const path = this.#path.join('/');
    if (path === 'domain/name') this.#names.push(text);
    if (path === 'domain/uuid') this.#uuids.push(text);
  }

  close(): void {
    const closed = this.#path.join('/');
    if (closed === 'domain/devices/hostdev' || closed === 'domain/devices/interface') {
      const [device, driver] = [this.#device, this.#driver];
      if (device) this.#hostDevices.push(device.kind === 'pci' ? { ...device, driver } : device);
      this.#device = undefined;
      this.#driver = undefined;
    }
    this.#path.pop();
  }

  facts(): DomainFacts {
    const uuid = this.#uuids.join('').trim().toLowerCase();
    if (!isUuid(uuid)) throw noDomain('it has no <uuid>');
    return {
      name: this.#names.join(''),
      uuid,
      hostDevices: this.#hostDevices,
      settings: this.#settings,
    };
  }

  #setting(tag: SaxesTagNS, line: number): void {
    const [root, metadata, own, section, ...deeper] = this.#path;
    const ours = `{${metadataNamespace}}`;
    if (root !== 'domain' || metadata !== 'metadata' || own !== `${ours}domain`) return;
    if (section?.startsWith(ours) !== true || deeper.length > 0) return;
    for (const attribute of Object.values<SaxesAttributeNS>(tag.attributes)) {
      if (attribute.prefix === 'xmlns' || attribute.name === 'xmlns') continue;
      const { local: name, value } = attribute;
      this.#settings.push({ section: section.slice(ours.length), name, value, line });
    }
  }
}

/** Undefined for the address of a SCSI or USB device. */
function hostDeviceAt(attribute: (name: string) => string | undefined): HostDevice | undefined {
  const uuid = attribute('uuid');
  if (uuid !== undefined) {
    return isUuid(uuid) ? { kind: 'mdev', uuid: uuid.toLowerCase() } : undefined;
  }
  const [domain, bus, slot, fn] = ['domain', 'bus', 'slot', 'function'].map((name) =>
    /^(?:0x)?([0-9a-f]{1,4})$/i.exec(attribute(name) ?? '')?.[1]?.toLowerCase(),
  );
  if (domain === undefined || bus === undefined || slot === undefined || fn === undefined) {
    return undefined;
  }
  const address = `${domain.padStart(4, '0')}:${bus.padStart(2, '0')}:${slot.padStart(2, '0')}.${fn}`;
  return { kind: 'pci', address, driver: undefined };
}

export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text);
}

function noDomain(why: string): PrecopyError {
  return new PrecopyError(
    'USAGE',
    `This is not the XML of a libvirt domain: ${why}.`,
    'Give what `virsh dumpxml` prints.',
  );
}
