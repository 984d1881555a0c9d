/**
 * What a controller keeps of its rehearsals of one guest: a rolling record of the last ones, from which
 * a forecast is there at once when a migration begins, whoever starts it, and after a restart of the
 * controller too. A file of its own for each domain, named by the UUID.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { runFolder } from '../folders.js';
import { worstOf } from '../forecast/rehearsed.js';
import { toJson } from '../journal/json.js';
import { expectation } from '../journal/schema.js';
import { identityOf, type ProcessIdentity } from '../process-identity.js';
import { expectationOf, type Foreseen } from '../sequence/expectation.js';
import type { Expectation } from '../sequence/policy.js';

/** One rehearsal, as far as a later migration needs it. */
export interface KeptRehearsal {
  /** When it ended, ms since the epoch. */
  readonly atMs: number;
  readonly expectation: Expectation;
}

/** Why a rehearsal failed, and what to do about it. */
export interface Obstacle {
  /** ms since the epoch. */
  readonly atMs: number;
  readonly why: string;
  /** Empty where nobody knows. */
  readonly next: string;
}

export interface Standing {
  readonly version: typeof standingVersion;
  /** The QEMU that was rehearsed: the same domain started anew is another guest. */
  readonly qemu: ProcessIdentity;
  /** Oldest first. */
  readonly recent: readonly KeptRehearsal[];
  /** Why there was none since the last of them. */
  readonly obstacle?: Obstacle | undefined;
}

const standingVersion = 1;
/** With the usual ten minutes between two, an hour. */
const mostKept = 6;

const schema: z.ZodType<Standing> = z.object({
  version: z.literal(standingVersion),
  qemu: z.object({ pid: z.number(), startTicks: z.string() }),
  recent: z.array(z.object({ atMs: z.number(), expectation })),
  obstacle: z.object({ atMs: z.number(), why: z.string(), next: z.string() }).optional(),
});

/** Adds a rehearsal; the oldest goes. @returns what is kept now */
export function keepRehearsal(
  uuid: string,
  qemu: ProcessIdentity,
  rehearsal: Foreseen,
  atMs = Date.now(),
  folder = runFolder(),
): Standing {
  const before = readStanding(uuid, qemu, folder)?.recent ?? [];
  const recent = [...before, { atMs, expectation: expectationOf(rehearsal) }].slice(-mostKept);
  return keep(uuid, { version: standingVersion, qemu, recent }, folder);
}

/** Says why the last attempt failed; the rehearsals before it stay. */
export function keepObstacle(
  uuid: string,
  qemu: ProcessIdentity,
  obstacle: Obstacle,
  folder = runFolder(),
): Standing {
  const recent = readStanding(uuid, qemu, folder)?.recent ?? [];
  return keep(uuid, { version: standingVersion, qemu, recent, obstacle }, folder);
}

function keep(uuid: string, standing: Standing, folder: string): Standing {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const file = fileOf(uuid, folder);
  // Whoever reads it sees the old one or the new one.
  writeFileSync(`${file}.new`, toJson(standing), { mode: 0o640 });
  renameSync(`${file}.new`, file);
  return standing;
}

/** @returns undefined if nothing is kept of this QEMU */
export function readStanding(
  uuid: string,
  qemu: ProcessIdentity,
  folder = runFolder(),
): Standing | undefined {
  const standing = readFrom(fileOf(uuid, folder));
  const same = standing?.qemu.pid === qemu.pid && standing.qemu.startTicks === qemu.startTicks;
  return same ? standing : undefined;
}

/** What a controller keeps of the QEMU with this pid, whichever domain it is. */
export function standingOf(pid: number, folder = runFolder()): Standing | undefined {
  const qemu = identityOf(pid);
  if (qemu === undefined) return undefined;
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return undefined;
  }
  const uuids = names.flatMap((name) => /^rehearsals-([-0-9a-f]+)\.json$/.exec(name)?.[1] ?? []);
  for (const uuid of uuids) {
    const standing = readStanding(uuid, qemu, folder);
    if (standing !== undefined) return standing;
  }
  return undefined;
}

export function removeStanding(uuid: string, folder = runFolder()): void {
  rmSync(fileOf(uuid, folder), { force: true });
}

/** What a migration that begins now must reckon with: the worst that was seen lately may come back. */
export function worstExpectation(standing: Standing | undefined): Expectation | undefined {
  const recent = standing?.recent ?? [];
  return recent[worstOf(recent.map(({ expectation }) => expectation.forecast))]?.expectation;
}

function readFrom(file: string): Standing | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    // None yet, or of another version: as good as none.
    return undefined;
  }
}

function fileOf(uuid: string, folder: string): string {
  return join(folder, `rehearsals-${uuid}.json`);
}
