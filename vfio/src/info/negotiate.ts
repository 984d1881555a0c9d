/**
 * The INFO ioctls of VFIO: the caller says in `argsz` how much room there is, the kernel says in the same
 * field how much it needs. Kernels that know fewer fields leave the rest as it is, zero here.
 */
import { vfio } from '../abi/vfio.js';
import { MalformedReplyError } from '../errors.js';
import type { IoctlCall, Kernel } from '../kernel/kernel.js';

export interface InfoCall extends Pick<IoctlCall, 'name' | 'request'> {
  /** The fixed part with the caller's fields set; `argsz`, its first field, is filled in here. */
  readonly structure: Uint8Array;
}

const FIRST_BYTES = 1024;
/** Room for an IOVA list of 65,000 ranges; a kernel that asks for more is not believed. */
const MOST_BYTES = 1 << 20;
/** What a kernel needs can grow between two calls (IOVA ranges), but not for ever. */
const MOST_ATTEMPTS = 5;

/**
 * Calls again, with more room, as long as the kernel asks for it.
 *
 * @returns the filled structure and all that came behind it
 * @throws KernelError when the ioctl fails
 * @throws MalformedReplyError when the kernel never has enough room
 */
export function callInfo(kernel: Kernel, fd: number, call: InfoCall): Uint8Array {
  const { name, request, structure } = call;
  let bytes = FIRST_BYTES;
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
    const memory = new Uint8Array(bytes);
    memory.set(structure);
    argszOnly.write(memory, { argsz: bytes });
    kernel.ioctl(fd, { name, request, argument: memory });
    const { argsz } = argszOnly.read(memory);
    if (argsz <= bytes) return memory;
    if (argsz > MOST_BYTES) {
      throw new MalformedReplyError(`${name} on fd ${fd} asks for ${argsz} bytes.`);
    }
    bytes = argsz;
  }
  throw new MalformedReplyError(
    `${name} on fd ${fd} asked for more room ${MOST_ATTEMPTS} times (last: ${bytes} bytes).`,
  );
}

/** Every INFO structure begins like this one. */
const argszOnly = vfio.type1Info;
