import { appendFile, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { QmpClient, type ConnectOptions } from '../client.js';
import { QmpError, QmpStateError } from '../errors.js';
import type { QmpEvent } from '../event.js';
import type { Qapi } from '../qapi.js';
import { stringifyJson } from '../json/stringify.js';
import type { QapiSchema } from '../schema/schema.js';
import { REDACTED, redact } from '../trace.js';
import { complete, help } from './complete.js';
import { parseLine } from './parse.js';

export interface ShellOptions extends ConnectOptions {
  readonly input?: Readable & { isTTY?: boolean };
  readonly output?: Writable & { isTTY?: boolean };
  /** Where the history is kept; default `~/.qmp_shell_history`. Only used on a terminal. */
  readonly historyFile?: string;
}

/**
 * A QMP shell: reads commands (`name key=value ...` or JSON) until the end of its input, `exit`, or the
 * end of the connection; shows replies, and events as they come. On a terminal with line editing,
 * history and completion from the connected QEMU's schema.
 *
 * @returns the number of commands that failed
 * @throws what {@link QmpClient.open} throws; QmpDisconnectedError if the connection is lost
 */
export async function runShell(address: string, options: ShellOptions = {}): Promise<number> {
  const { input = process.stdin, output = process.stdout } = options;
  await using client = await QmpClient.connect<Qapi>(address, options);
  const schema = await client.schema();
  const terminal = input.isTTY === true && output.isTTY === true;
  const history = options.historyFile ?? join(homedir(), '.qmp_shell_history');
  const lines = createInterface({
    input,
    output,
    terminal,
    prompt: terminal ? 'QMP> ' : '',
    history: terminal ? await readHistory(history) : [],
    completer: (line: string) => complete(schema, line),
  });
  // Lines may still be unread when the input has ended; then there is nothing to prompt for.
  let open = terminal;
  lines.once('close', () => (open = false));
  const prompt = (keepLine = false): void => {
    if (open) lines.prompt(keepLine);
  };
  const shell = new Shell(client, schema, (text) => {
    output.write(`${text}\n`);
    prompt(true);
  });
  void shell.showEvents();
  const lost = client.closed.then((error) => {
    lines.close();
    return error;
  });
  if (terminal) {
    output.write(
      `QEMU ${client.versionText}. Tab completes; "help COMMAND" explains; "exit" ends.\n`,
    );
  }
  prompt();
  for await (const line of lines) {
    if (line.trim() === 'exit') break;
    if (line.trim() !== '') await shell.line(line);
    if (terminal && !isSecret(line)) await appendFile(history, `${line}\n`, { mode: 0o600 });
    prompt();
  }
  lines.close();
  if (client.state === 'closed' && !shell.quitting) {
    const reason = await lost;
    if (reason !== undefined) throw reason;
  }
  return shell.failures;
}

class Shell {
  failures = 0;
  /** After `quit` the end of the connection is no failure. */
  quitting = false;
  readonly #client: QmpClient<Qapi>;
  readonly #schema: QapiSchema;
  /** Shows text above the line that is being typed. */
  readonly #print: (text: string) => void;

  constructor(client: QmpClient<Qapi>, schema: QapiSchema, print: (text: string) => void) {
    this.#client = client;
    this.#schema = schema;
    this.#print = print;
  }

  async line(line: string): Promise<void> {
    const [first, name] = line.trim().split(/\s+/);
    if (first === 'help') {
      const all = [...this.#schema.commands.keys()].sort().join('\n');
      this.#print(name === undefined ? all : help(this.#schema, name));
      return;
    }
    try {
      const { command, arguments: args } = parseLine(line);
      this.quitting ||= command === 'quit';
      this.#print(format(await this.#client.execute(command, args)));
    } catch (error) {
      if (!(error instanceof QmpError) || error instanceof QmpStateError) throw error;
      this.failures++;
      this.#print(`${error.code}: ${error.message}`);
    }
  }

  /** Ends with the connection. */
  async showEvents(): Promise<void> {
    try {
      for await (const event of this.#client.events.subscribe()) this.#print(formatEvent(event));
    } catch {
      // runShell tells why the connection ended
    }
  }
}

function format(value: unknown): string {
  const compact = stringifyJson(value);
  return compact.length <= 80 ? compact : indent(compact);
}

/** Spreads compact JSON over lines without parsing it: 64-bit integers stay as they are. */
function indent(json: string): string {
  let depth = 0;
  return json.replace(/"(?:[^"\\]|\\.)*"|[{[]\s*[}\]]|[{}[\],:]/g, (token) => {
    const newLine = (): string => `\n${'  '.repeat(depth)}`;
    switch (token) {
      case '{':
      case '[':
        depth++;
        return token + newLine();
      case '}':
      case ']':
        depth--;
        return newLine() + token;
      case ',':
        return token + newLine();
      case ':':
        return ': ';
      default:
        return token;
    }
  });
}

function formatEvent({ name, data, qemuTimeUs }: QmpEvent): string {
  const at = qemuTimeUs === undefined ? '' : `${new Date(qemuTimeUs / 1000).toISOString()} `;
  return `${at}EVENT ${name} ${stringifyJson(data)}`;
}

/** Lines with passwords are not kept in the history. */
function isSecret(line: string): boolean {
  try {
    const { arguments: args } = parseLine(line);
    return stringifyJson(redact(args)).includes(REDACTED);
  } catch {
    return true;
  }
}

async function readHistory(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).slice(-1000).reverse();
}
