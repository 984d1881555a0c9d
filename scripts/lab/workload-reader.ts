/** Reads how far a guest's workload got, from QEMU's memory: that costs the guest nothing. */
import { closeSync, openSync, readSync } from 'node:fs';
import { ramWindows, type MemoryLayout } from 'precopy';
import { DEFAULT_STATE_ADDRESS, workloadProgress, type WorkloadProgress } from './workload.js';

const pageBytes = 4096;

export class WorkloadReader implements Disposable {
  readonly #memory: number;
  readonly #position: number;

  /** @throws Error if the state page is in no RAM block, or that memory may not be read */
  constructor(pid: number, layout: MemoryLayout) {
    const address = BigInt(DEFAULT_STATE_ADDRESS);
    const window = ramWindows(layout).find(
      ({ gpa, pages }) => gpa <= address && address < gpa + BigInt(pages * pageBytes),
    );
    if (!window) throw new Error('The state page of the workload is in no RAM block.');
    this.#position = Number(window.hostAddress + address - window.gpa);
    this.#memory = openSync(`/proc/${pid}/mem`, 'r');
  }

  /** @throws Error if the guest has not started the workload */
  read(): WorkloadProgress {
    const page = new Uint8Array(pageBytes);
    readSync(this.#memory, page, 0, page.length, this.#position);
    const progress = workloadProgress(page);
    if (!progress) throw new Error('The guest does not run its workload.');
    return progress;
  }

  [Symbol.dispose](): void {
    closeSync(this.#memory);
  }
}
