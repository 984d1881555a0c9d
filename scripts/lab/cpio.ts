/**
 * Writes the "newc" cpio format, which the Linux kernel unpacks as its initramfs
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Written here so that the host needs
 * no cpio program. Archives may be concatenated if each is padded to 4 bytes, as these are.
 */
export type CpioEntry =
  | { readonly path: string; readonly kind: 'folder' }
  | { readonly path: string; readonly kind: 'link'; readonly target: string }
  | {
      readonly path: string;
      readonly kind: 'file';
      readonly data: Buffer;
      readonly executable?: boolean;
    };

function padded(chunk: Buffer): Buffer {
  const rest = chunk.length % 4;
  return rest === 0 ? chunk : Buffer.concat([chunk, Buffer.alloc(4 - rest)]);
}

function record(path: string, inode: number, mode: number, data: Buffer): Buffer {
  const name = Buffer.from(`${path}\0`);
  const fields = [
    inode,
    mode,
    0, // uid
    0, // gid
    1, // links
    0, // mtime
    data.length,
    0, // device major, minor
    0,
    0, // rdev major, minor
    0,
    name.length,
    0, // checksum, unused in newc
  ];
  const header = `070701${fields.map((n) => n.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([padded(Buffer.concat([Buffer.from(header), name])), padded(data)]);
}

/** An archive of the entries; folders must come before what is in them. */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const records = entries.map((entry, index) => {
    switch (entry.kind) {
      case 'folder':
        return record(entry.path, index + 1, 0o040755, Buffer.alloc(0));
      case 'link':
        return record(entry.path, index + 1, 0o120777, Buffer.from(entry.target));
      case 'file':
        return record(
          entry.path,
          index + 1,
          entry.executable === true ? 0o100755 : 0o100644,
          entry.data,
        );
    }
  });
  return Buffer.concat([...records, record('TRAILER!!!', 0, 0, Buffer.alloc(0))]);
}
