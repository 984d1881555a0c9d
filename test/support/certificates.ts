import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A folder of certificates as QEMU's tls-creds-x509 wants it (`dir=`): a CA, a server, a client. */
export function makeCertificates(
  folder: string,
  names: { readonly server: string; readonly client: string },
): void {
  mkdirSync(folder, { recursive: true });
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    ...['req', '-x509', ...newKey, '-keyout', 'ca-key.pem', '-out', 'ca-cert.pem', '-days', '2'],
    ...['-subj', '/CN=precopy test CA', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  );
  for (const [role, name] of Object.entries(names)) {
    writeFileSync(
      join(folder, `${role}.ext`),
      [
        'basicConstraints=critical,CA:FALSE',
        'keyUsage=critical,digitalSignature',
        `extendedKeyUsage=${role}Auth`,
        `subjectAltName=DNS:${name}`,
      ].join('\n'),
    );
    openssl(
      ...['req', '-new', ...newKey, '-keyout', `${role}-key.pem`],
      ...['-out', `${role}.csr`, '-subj', `/CN=${name}`],
    );
    openssl(
      ...['x509', '-req', '-in', `${role}.csr`, '-CA', 'ca-cert.pem', '-CAkey', 'ca-key.pem'],
      ...['-CAcreateserial', '-days', '2', '-extfile', `${role}.ext`, '-out', `${role}-cert.pem`],
    );
  }
}
