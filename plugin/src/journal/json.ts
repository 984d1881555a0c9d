/** JSON with IOVAs and other 64-bit numbers as hexadecimal strings, raw bytes likewise. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member === 'bigint') return `0x${member.toString(16)}`;
    return member instanceof Uint8Array ? Buffer.from(member).toString('hex') : member;
  });
}
