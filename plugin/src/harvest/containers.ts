/** A QEMU's type1 containers, borrowed to be harvested. */
import {
  Type1Container,
  type BorrowableProcess,
  type HarvestGate,
  type LibcKernel,
} from 'linux-vfio-ts';
import { PrecopyError } from '../errors.js';

const pageBytes = 4096;

export interface NamedContainer {
  readonly name: string;
  readonly container: Type1Container;
}

/**
 * @param fds the containers, as numbers of the QEMU's fds
 * @throws PrecopyError NOT_SUPPORTED if one has larger pages than rehearse knows; errors of linux-vfio-ts
 */
export async function borrowContainers(
  qemu: BorrowableProcess,
  kernel: LibcKernel,
  gate: HarvestGate,
  fds: readonly number[],
): Promise<NamedContainer[]> {
  const containers: NamedContainer[] = [];
  for (const origin of await qemu.list()) {
    if (!fds.includes(origin.fd)) continue;
    const { fd } = await qemu.borrow(origin);
    const container = new Type1Container(kernel, fd, gate);
    const name = `VFIO container (fd ${origin.fd})`;
    const { iovaPageSizes = 0n } = container.info();
    if ((iovaPageSizes & -iovaPageSizes) !== BigInt(pageBytes)) {
      throw new PrecopyError(
        'NOT_SUPPORTED',
        `The smallest page of ${name} is not 4 KiB (iova_pgsizes 0x${iovaPageSizes.toString(16)}).`,
        'Rehearse knows hosts with pages of 4 KiB.',
      );
    }
    containers.push({ name, container });
  }
  return containers;
}
