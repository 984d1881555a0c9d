/**
 * Driver of dirtygen, the lab's dirtying VFIO device (scripts/lab/dirtygen, docs/dirtygen.md). Works
 * as root where the module is loaded: inside the lab.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const TYPE_FOLDER = '/sys/class/mdev_bus/dirtygen/mdev_supported_types/dirtygen-dma';
const PARAMETERS_FOLDER = '/sys/module/dirtygen/parameters';
const DEVICES_FOLDER = '/sys/bus/mdev/devices';

const states = [
  'error',
  'stop',
  'running',
  'stop-copy',
  'resuming',
  'running-p2p',
  'pre-copy',
  'pre-copy-p2p',
] as const;

/** The states of `enum vfio_device_mig_state`. */
export type DirtygenState = (typeof states)[number];

const patterns = ['uniform', 'sequential', 'hot', 'zipf'] as const;
const methods = ['dma_rw', 'pin'] as const;

/** What `set` changes; docs/dirtygen.md has the meaning and the limits of each. */
export interface DirtygenSettings {
  readonly method: (typeof methods)[number];
  readonly hold: boolean;
  readonly pattern: (typeof patterns)[number];
  readonly rangeIova: bigint;
  readonly rangePages: number;
  /** Pages/s; 0 as fast as possible. */
  readonly rate: number;
  readonly hotPages: number;
  readonly hotPermille: number;
  readonly burstOnMs: number;
  readonly burstOffMs: number;
  readonly stampBytes: number;
  readonly random: bigint;
  readonly precopyBytes: number;
  /** Bytes/s. */
  readonly precopyRate: number;
  readonly stopCopyBytes: number;
  /** What VFIO_DEVICE_FEATURE_MIG_DATA_SIZE says, in bytes; 0: the true size. */
  readonly reportedBytes: number;
}

/** The names that the module uses. */
const keys = {
  method: 'method',
  hold: 'hold',
  pattern: 'pattern',
  rangeIova: 'range_iova',
  rangePages: 'range_pages',
  rate: 'rate',
  hotPages: 'hot_pages',
  hotPermille: 'hot_permille',
  burstOnMs: 'burst_on_ms',
  burstOffMs: 'burst_off_ms',
  stampBytes: 'stamp_bytes',
  random: 'random',
  precopyBytes: 'precopy_bytes',
  precopyRate: 'precopy_rate',
  stopCopyBytes: 'stop_copy_bytes',
  reportedBytes: 'reported_bytes',
} as const satisfies Record<keyof DirtygenSettings, string>;

/** A failure or a delay to be injected; see `fault` in docs/dirtygen.md. */
export interface DirtygenFault {
  /** One step of the state machine, or each read (`save`) or write (`load`) of a migration file. */
  readonly at:
    { readonly from: DirtygenState | 'any'; readonly to: DirtygenState } | 'save' | 'load';
  /** The errno to fail with; 0 or absent: only delay. */
  readonly errno?: number | undefined;
  readonly delayMs?: number | undefined;
  /** How often; 0 always. Default 1. */
  readonly count?: number | undefined;
  /** The failure leaves the device in state `error`. */
  readonly broken?: boolean | undefined;
}

export interface DirtygenStatus {
  readonly state: DirtygenState;
  readonly open: boolean;
  readonly mayWrite: boolean;
  readonly running: boolean;
  /** Device dirty logging is on. */
  readonly logging: boolean;
  /** Writes done; a page written twice counts twice. */
  readonly written: bigint;
  /** Number of the last write. */
  readonly sequence: bigint;
  /** Pages/s over the last second. */
  readonly rateReached: number;
  /** Pages held pinned. */
  readonly pinned: number;
  readonly errors: number;
  /** errno of the last failed write, 0 for none. */
  readonly lastError: number;
  readonly lastErrorIova: bigint;
  /** Distinct pages written since the last snapshot. */
  readonly truthPages: number;
  readonly windowIova: bigint;
  readonly windowPages: number;
  /** VFIO_MIGRATION_* bits; 0: the device can't migrate. */
  readonly migrationFlags: number;
  readonly settings: DirtygenSettings;
  /** How often each injected fault struck, in the order of injection. */
  readonly faultHits: readonly number[];
}

export interface DirtygenOptions {
  /** Default: a random one. */
  readonly uuid?: string | undefined;
  /** VFIO_MIGRATION_* bits: STOP_COPY 1, P2P 2, PRE_COPY 4; 0: can't migrate. Default: all. */
  readonly migrationFlags?: number | undefined;
  /** Offers device dirty logging. Default false. */
  readonly dmaLogging?: boolean | undefined;
}

/**
 * DIRTYGEN_MISSING: the module is not loaded. DIRTYGEN_REFUSED: it refused a command; `cause` has the
 * errno. DIRTYGEN_STATUS: its status is not what this driver expects.
 */
export type DirtygenErrorCode = 'DIRTYGEN_MISSING' | 'DIRTYGEN_REFUSED' | 'DIRTYGEN_STATUS';

export class DirtygenError extends Error {
  override readonly name = 'DirtygenError';
  readonly code: DirtygenErrorCode;
  /** Name of the errno with which the module refused, such as `ENODEV`. */
  readonly errno: string | undefined;

  constructor(code: DirtygenErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.errno = errnoOf(cause);
  }
}

function errnoOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string'
    ? cause.code
    : undefined;
}

/** True where the module is loaded. */
function dirtygenLoaded(): boolean {
  return existsSync(TYPE_FOLDER);
}

/**
 * Whether the loaded module is all of dirtygen. That of Linux 5.10 has no parameters: it neither migrates nor
 * logs, and takes only some of the commands (docs/dirtygen.md).
 */
export function dirtygenMigrates(): boolean {
  return existsSync(PARAMETERS_FOLDER);
}

/** One mdev of dirtygen. */
export class Dirtygen implements Disposable {
  readonly uuid: string;

  /** Takes an mdev that exists; {@link Dirtygen.create} makes one. */
  constructor(uuid: string) {
    this.uuid = uuid;
  }

  /**
   * @throws DirtygenError DIRTYGEN_MISSING, or DIRTYGEN_REFUSED (EEXIST: the UUID is taken; ENOENT: this
   * kernel's dirtygen does not have what the options ask for)
   */
  static create(options: DirtygenOptions = {}): Dirtygen {
    const { uuid = randomUUID(), migrationFlags, dmaLogging = false } = options;
    if (!dirtygenLoaded()) {
      throw new DirtygenError(
        'DIRTYGEN_MISSING',
        `${TYPE_FOLDER} does not exist: the module dirtygen is not loaded. Run this inside the lab: ` +
          'node scripts/dist/lab/main.js run -- COMMAND',
      );
    }
    const parameters = [
      { name: 'migration_flags', value: migrationFlags?.toString(), off: '0' },
      { name: 'dma_logging', value: dmaLogging ? 'Y' : 'N', off: 'N' },
    ];
    // They count at creation; nobody gets in between, as all of this is synchronous.
    const before = new Map<string, string>();
    try {
      for (const { name, value, off } of parameters) {
        if (value === undefined || (value === off && !dirtygenMigrates())) continue;
        const file = join(PARAMETERS_FOLDER, name);
        before.set(file, readFileSync(file, 'utf8'));
        writeFileSync(file, value);
      }
      writeFileSync(join(TYPE_FOLDER, 'create'), uuid);
    } catch (error) {
      throw new DirtygenError('DIRTYGEN_REFUSED', `The mdev ${uuid} can't be created.`, error);
    } finally {
      for (const [file, value] of before) writeFileSync(file, value);
    }
    return new Dirtygen(uuid);
  }

  /** What QEMU's `sysfsdev` takes. */
  get sysfsPath(): string {
    return join(DEVICES_FOLDER, this.uuid);
  }

  /** The argument of QEMU's `-device`, with which the guest has the device and can migrate. */
  get qemuDevice(): string {
    return `vfio-pci,sysfsdev=${this.sysfsPath},enable-migration=on`;
  }

  /** Removes the mdev. Waits while it is open: end its VMM first. */
  remove(): void {
    writeFileSync(join(this.sysfsPath, 'remove'), '1');
  }

  [Symbol.dispose](): void {
    this.remove();
  }

  /**
   * Writes one command to the control file.
   *
   * @throws DirtygenError DIRTYGEN_REFUSED
   */
  async control(command: string): Promise<void> {
    try {
      await writeFile(this.#file('control'), command);
    } catch (error) {
      throw new DirtygenError(
        'DIRTYGEN_REFUSED',
        `dirtygen ${this.uuid} refused "${command}" (${errnoOf(error) ?? String(error)}): ${hint(errnoOf(error))}`,
        error,
      );
    }
  }

  /** Changes settings: all that are given or, on an error, none. */
  async set(settings: Partial<DirtygenSettings>): Promise<void> {
    const words = Object.entries(keys).flatMap(([name, key]) => {
      const value = settings[name as keyof DirtygenSettings];
      return value === undefined ? [] : [`${key}=${typeof value === 'boolean' ? +value : value}`];
    });
    await this.control(['set', ...words].join(' '));
  }

  /** Moves the ground truth's window; the truth starts anew. */
  async window(iova: bigint, pages: number): Promise<void> {
    await this.control(`window ${iova} ${pages}`);
  }

  /** Writes that many pages once, following the pattern; done when it returns. */
  async write(pages: number): Promise<void> {
    await this.control(`write ${pages}`);
  }

  /** Writes the pages from `iova` on once, in order. */
  async writeAt(iova: bigint, pages: number): Promise<void> {
    await this.control(`write-at ${iova} ${pages}`);
  }

  async run(): Promise<void> {
    await this.control('run');
  }

  /** The generator writes nothing once this has returned. */
  async halt(): Promise<void> {
    await this.control('halt');
  }

  /** Releases the pages held pinned. */
  async unpin(): Promise<void> {
    await this.control('unpin');
  }

  /** Forgets ground truth and errors. */
  async reset(): Promise<void> {
    await this.control('reset');
  }

  async injectFault({
    at,
    errno = 0,
    delayMs = 0,
    count = 1,
    broken,
  }: DirtygenFault): Promise<void> {
    const where = typeof at === 'string' ? at : `${at.from}>${at.to}`;
    await this.control(
      `fault ${where} errno=${errno} delay_ms=${delayMs} count=${count} broken=${broken === true ? 1 : 0}`,
    );
  }

  async clearFaults(): Promise<void> {
    await this.control('fault clear');
  }

  /**
   * Cuts the ground truth and returns it: bit n of word n / 64 (little-endian) is the page at
   * `windowIova + n * 4096`, set if it was written since the cut before.
   */
  async takeTruth(): Promise<Uint8Array> {
    await this.control('snapshot');
    return await this.truth();
  }

  /** The ground truth of the last cut, again. */
  async truth(): Promise<Uint8Array> {
    return await readFile(this.#file('truth'));
  }

  /** The sequence number of the last write to each page of the window; 0 for none. */
  async seq(): Promise<BigUint64Array> {
    const bytes = await readFile(this.#file('seq'));
    return new BigUint64Array(Uint8Array.from(bytes).buffer);
  }

  /** @throws DirtygenError DIRTYGEN_STATUS if driver and module do not fit together */
  async status(): Promise<DirtygenStatus> {
    return parseStatus(await readFile(this.#file('status'), 'utf8'));
  }

  #file(name: string): string {
    return join(this.sysfsPath, 'dirtygen', name);
  }
}

function hint(errno: string | undefined): string {
  switch (errno) {
    case 'ENODEV':
      return 'the device may not write now, as no VMM has it open or it is not running.';
    case 'ERANGE':
      return 'the range is not inside the window, see `window` in docs/dirtygen.md.';
    case 'EINVAL':
      return 'a value is not allowed, or the pages are not mapped.';
    default:
      return 'see docs/dirtygen.md.';
  }
}

/** Reads the text of the status file. */
export function parseStatus(text: string): DirtygenStatus {
  const values = new Map<string, string>();
  const faultHits: number[] = [];
  for (const line of text.trim().split('\n')) {
    const [key = '', ...rest] = line.split(' ');
    if (key === 'fault') faultHits.push(Number(/ hits=(\d+)$/.exec(line)?.[1]));
    else values.set(key, rest.join(' '));
  }
  const word = (key: string, allowed: readonly string[]): string => {
    const value = values.get(key);
    if (value !== undefined && allowed.includes(value)) return value;
    throw new DirtygenError(
      'DIRTYGEN_STATUS',
      `The status of dirtygen says "${key} ${value ?? ''}". Is the loaded module of this clone?`,
    );
  };
  const big = (key: string): bigint => {
    const value = values.get(key) ?? '';
    if (/^(\d+|0x[\da-f]+)$/.test(value)) return BigInt(value);
    return BigInt(word(key, []));
  };
  const number = (key: string): number => Number(big(key));
  const flag = (key: string): boolean => big(key) !== 0n;
  return {
    state: word('state', states) as DirtygenState,
    open: flag('open'),
    mayWrite: flag('may_write'),
    running: flag('running'),
    logging: flag('logging'),
    written: big('written'),
    sequence: big('sequence'),
    rateReached: number('rate_reached'),
    pinned: number('pinned'),
    errors: number('errors'),
    lastError: number('last_error'),
    lastErrorIova: big('last_error_iova'),
    truthPages: number('truth_pages'),
    windowIova: big('window_iova'),
    windowPages: number('window_pages'),
    migrationFlags: number('migration_flags'),
    settings: {
      method: word(keys.method, methods) as DirtygenSettings['method'],
      hold: flag(keys.hold),
      pattern: word(keys.pattern, patterns) as DirtygenSettings['pattern'],
      rangeIova: big(keys.rangeIova),
      rangePages: number(keys.rangePages),
      rate: number(keys.rate),
      hotPages: number(keys.hotPages),
      hotPermille: number(keys.hotPermille),
      burstOnMs: number(keys.burstOnMs),
      burstOffMs: number(keys.burstOffMs),
      stampBytes: number(keys.stampBytes),
      random: big(keys.random),
      precopyBytes: number(keys.precopyBytes),
      precopyRate: number(keys.precopyRate),
      stopCopyBytes: number(keys.stopCopyBytes),
      reportedBytes: number(keys.reportedBytes),
    },
    faultHits,
  };
}
