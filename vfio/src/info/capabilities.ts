/**
 * The capability chain of the INFO ioctls (vfio.h, `struct vfio_info_cap_header`), walked without
 * trusting it. A chain that lies yields what could be read and a list of its faults; it never throws,
 * never reads outside the buffer and always ends.
 */
import { vfio } from '../abi/vfio.js';

/** One capability as it lies in the buffer. Its contents' length is not stored anywhere: see `bytes`. */
export interface RawCapability {
  readonly id: number;
  readonly version: number;
  /** Offset of its header from the start of the INFO structure, in bytes. */
  readonly offset: number;
  /** Header and contents, up to the next header or the end of the buffer (so padding is included). */
  readonly bytes: Uint8Array;
}

/** What is wrong with a chain. The walk stops at a fault that leaves no safe next step. */
export interface CapabilityFault {
  readonly kind:
    'cycle' | 'overlap' | 'out-of-bounds' | 'inside-fixed-part' | 'too-many' | 'truncated';
  /** Offset, in bytes, of the header or structure at fault. */
  readonly offset: number;
  readonly message: string;
}

export interface CapabilityChain {
  readonly capabilities: readonly RawCapability[];
  readonly faults: readonly CapabilityFault[];
}

/** More than any kernel has; a chain of distinct tiny headers would otherwise be as long as the buffer. */
const MOST_CAPABILITIES = 64;

/**
 * @param memory the whole INFO structure as the kernel filled it
 * @param first `cap_offset`; 0 means that there is no chain
 * @param fixedBytes size of the structure before the chain; no capability may lie inside it
 */
export function walkCapabilities(
  memory: Uint8Array,
  first: number,
  fixedBytes: number,
): CapabilityChain {
  const headers: { id: number; version: number; offset: number }[] = [];
  const faults: CapabilityFault[] = [];
  const fault = (kind: CapabilityFault['kind'], offset: number, message: string): void => {
    faults.push({ kind, offset, message });
  };

  for (let offset = first; offset !== 0;) {
    if (headers.some((header) => header.offset === offset)) {
      fault('cycle', offset, `the chain comes back to offset ${offset}`);
      break;
    }
    if (offset < fixedBytes) {
      fault('inside-fixed-part', offset, `offset ${offset} lies in the first ${fixedBytes} bytes`);
      break;
    }
    if (offset + vfio.capHeader.size > memory.byteLength) {
      fault(
        'out-of-bounds',
        offset,
        `offset ${offset} is past the ${memory.byteLength} bytes given`,
      );
      break;
    }
    const near = headers.find((header) => Math.abs(header.offset - offset) < vfio.capHeader.size);
    if (near !== undefined) {
      fault('overlap', offset, `headers at ${near.offset} and ${offset} overlap`);
      break;
    }
    if (headers.length === MOST_CAPABILITIES) {
      fault('too-many', offset, `more than ${MOST_CAPABILITIES} capabilities`);
      break;
    }
    const { id, version, next } = vfio.capHeader.read(memory, offset);
    headers.push({ id, version, offset });
    offset = next;
  }

  const starts = headers.map(({ offset }) => offset).sort((a, b) => a - b);
  const capabilities = headers.map((header) => {
    const end = starts.find((start) => start > header.offset) ?? memory.byteLength;
    return { ...header, bytes: memory.slice(header.offset, end) };
  });
  return { capabilities, faults };
}
