import { QmpProtocolError } from './errors.js';
import { isJsonObject, type JsonObject, type JsonValue } from './json/value.js';

/** QEMU's version, as in its greeting. */
export interface QemuVersion {
  readonly major: number;
  readonly minor: number;
  readonly micro: number;
  /** The distribution's own mark, such as `Debian 1:10.0.13+ds-0+deb13u1`; often empty. */
  readonly package: string;
}

/** The first message of a monitor. */
export interface Greeting {
  readonly version: QemuVersion;
  /** What can be negotiated: `oob` since QEMU 2.12 on monitors whose chardev allows it. */
  readonly capabilities: readonly string[];
}

/** The greeting in `message`, or undefined if it is another message. @throws QmpProtocolError */
export function readGreeting(message: JsonObject): Greeting | undefined {
  const { QMP } = message as { QMP?: JsonValue };
  if (QMP === undefined) return undefined;
  const version = isJsonObject(QMP) ? QMP['version'] : undefined;
  const qemu = isJsonObject(version) ? version['qemu'] : undefined;
  const capabilities = isJsonObject(QMP) ? QMP['capabilities'] : undefined;
  if (!isJsonObject(version) || !isJsonObject(qemu) || !Array.isArray(capabilities)) {
    throw new QmpProtocolError(
      'The greeting lacks a version or capabilities.',
      JSON.stringify(QMP),
    );
  }
  return {
    version: {
      major: Number(qemu['major']),
      minor: Number(qemu['minor']),
      micro: Number(qemu['micro']),
      package: typeof version['package'] === 'string' ? version['package'] : '',
    },
    // QEMU 2.11 and older list objects here; only names are of use.
    capabilities: capabilities.filter((item) => typeof item === 'string'),
  };
}

/** Such as `10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)`. */
export function formatVersion(version: QemuVersion): string {
  const number = `${version.major}.${version.minor}.${version.micro}`;
  const mark = version.package.replace(/^\s*\(?|\)?\s*$/g, '');
  return mark === '' ? number : `${number} (${mark})`;
}
