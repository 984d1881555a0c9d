import { QmpConnectError } from '../errors.js';

/** A domain and how to reach its libvirt. */
export interface LibvirtDomain {
  /** libvirt's connection URI; undefined for libvirt's default. */
  readonly uri: string | undefined;
  /** The domain's name, id or UUID. */
  readonly domain: string;
}

/** The error for what libvirt's tools said, in their own words. */
export function libvirtFailed(domain: string, output: string): QmpConnectError {
  const reason = output.trim();
  return new QmpConnectError(
    'QMP_CONNECT_FAILED',
    `libvirt:${domain}`,
    `libvirt gives no monitor of the domain ${domain}: ${reason === '' ? 'it does not say why' : reason}`,
  );
}
