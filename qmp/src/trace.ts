/**
 * Traces: what was sent and received, for people who look for a fault. Secrets are redacted before
 * a sink sees them.
 */
import { isJsonObject, type JsonObject, type JsonValue } from './json/value.js';

/** 'messages': everything sent and received; 'verbose': also what the client does about it. */
export type TraceLevel = 'off' | 'messages' | 'verbose';

export type TraceEntry =
  | {
      readonly kind: 'sent' | 'received';
      /** Milliseconds since 1970. */
      readonly atMs: number;
      /** The message without its secrets. */
      readonly message: JsonObject;
    }
  | {
      /** What the client did: a dropped reply, a change of state, another attempt to connect. */
      readonly kind: 'note';
      readonly atMs: number;
      readonly text: string;
    };

export interface TraceOptions {
  /** Called for each entry, at once; what it throws ends the trace with a warning, not the connection. */
  readonly sink: (entry: TraceEntry) => void;
  /** Default 'messages'. */
  readonly level?: TraceLevel;
  /** Commands (with their replies) and events that are not traced: `['query-migrate', 'MIGRATION_PASS']`. */
  readonly exclude?: readonly string[];
  /** Whether the value of a member of that name is hidden. Default {@link isSecretName}. */
  readonly isSecret?: (memberName: string) => boolean;
}

export const REDACTED = '<redacted>';

/** Members such as `password`, `secret`, `passphrase`, `key-secret`, `token`, `credentials`. */
export function isSecretName(memberName: string): boolean {
  return /passw|passphrase|secret|token|credential/i.test(memberName);
}

/** HMP command lines that carry a password or a key. */
const SECRET_COMMAND_LINE = /passw|secret|block_passwd|change\s+vnc/i;

/**
 * A copy without secrets: members that `isSecret` names, the `data` of a secret object
 * (`object-add`), and HMP command lines that carry a password.
 */
export function redact<T extends JsonValue>(
  value: T,
  isSecret: (memberName: string) => boolean = isSecretName,
): T {
  return copy(value, isSecret) as T;
}

function copy(value: JsonValue, isSecret: (memberName: string) => boolean): JsonValue {
  if (Array.isArray(value)) return value.map((item) => copy(item, isSecret));
  if (!isJsonObject(value)) return value;
  const isSecretObject = value['qom-type'] === 'secret' || value['qom-type'] === 'secret_keyring';
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const hidden =
        (isSecret(name) && typeof member !== 'object') ||
        (isSecretObject && name === 'data') ||
        (name === 'command-line' && typeof member === 'string' && SECRET_COMMAND_LINE.test(member));
      return [name, hidden ? REDACTED : copy(member, isSecret)];
    }),
  );
}

/** @internal Filters, redacts and hands to the sink. */
export class Tracer {
  readonly #options: TraceOptions;
  readonly #exclude: ReadonlySet<string>;
  #broken = false;

  constructor(options: TraceOptions) {
    this.#options = options;
    this.#exclude = new Set(options.exclude);
  }

  sent(command: string, message: JsonObject): void {
    if (!this.#exclude.has(command)) this.#message('sent', message);
  }

  /** `subject` is the event's name or the command that this is the reply to. */
  received(subject: string | undefined, message: JsonObject): void {
    if (subject === undefined || !this.#exclude.has(subject)) this.#message('received', message);
  }

  /** Something a reader of the messages alone would miss. */
  note(text: string): void {
    this.#emit({ kind: 'note', atMs: Date.now(), text });
  }

  /** Something only a developer of this client wants to know. */
  verbose(text: string): void {
    if (this.#options.level === 'verbose') this.note(text);
  }

  #message(kind: 'sent' | 'received', message: JsonObject): void {
    this.#emit({ kind, atMs: Date.now(), message: redact(message, this.#options.isSecret) });
  }

  #emit(entry: TraceEntry): void {
    if (this.#broken) return;
    try {
      this.#options.sink(entry);
    } catch (error) {
      this.#broken = true;
      process.emitWarning(`The QMP trace ends here, its sink failed: ${String(error)}`);
    }
  }
}

/** @internal undefined if nothing is to be traced: the client then spends no time on it. */
export function makeTracer(options: TraceOptions | undefined): Tracer | undefined {
  return options === undefined || options.level === 'off' ? undefined : new Tracer(options);
}

/** One line of text for an entry: `-> {"execute": ...}`, `<- {"return": ...}`, `-- note`. */
export function formatTraceEntry(entry: TraceEntry): string {
  const at = new Date(entry.atMs).toISOString();
  if (entry.kind === 'note') return `${at} -- ${entry.text}`;
  const text = JSON.stringify(entry.message, (_, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
  return `${at} ${entry.kind === 'sent' ? '->' : '<-'} ${text}`;
}
