import { constants } from 'node:os';

const nameOf = new Map<number, string>();
// EAGAIN and ENOTSUP are listed first so that their synonyms (EWOULDBLOCK, EOPNOTSUPP) are decided here
// and not by the order of Node's table. The kernel's own name for 95 is EOPNOTSUPP.
nameOf.set(constants.errno.EAGAIN, 'EAGAIN');
nameOf.set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP');
for (const [name, value] of Object.entries(constants.errno)) {
  if (!nameOf.has(value)) nameOf.set(value, name);
}

/** `EINVAL` for 22; `errno 524` for one that errno.h does not name. */
export function errnoName(errno: number): string {
  return nameOf.get(errno) ?? `errno ${errno}`;
}

/** The number of an errno by its name. */
export const Errno = constants.errno;
