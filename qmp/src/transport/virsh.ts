import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { MessageDecoder } from '../codec.js';
import { stringifyJson } from '../json/stringify.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../json/value.js';
import { parseJson } from '../json/parse.js';
import { libvirtFailed, type LibvirtDomain } from './libvirtDomain.js';

const run = promisify(execFile);

/** `event STOP at 1711111111.123456 for domain 'name': {"a": 1}`; the details may be missing. */
const EVENT = /^event (\S+) at (\d+)\.(\d+) for domain .*?(?:: (\{.*\}))?$/;

/**
 * A QMP server made of virsh: `qemu-monitor-command` for each command (some 40 ms each), and one
 * `qemu-monitor-event --loop` for the events. It negotiates nothing, so there is no OOB.
 */
export class VirshBridge extends Duplex {
  readonly #domain: LibvirtDomain;
  readonly #decoder = new MessageDecoder();
  #events: ChildProcess | undefined;
  #turn: Promise<void> = Promise.resolve();

  private constructor(domain: LibvirtDomain) {
    super({ allowHalfOpen: false });
    this.#domain = domain;
  }

  /** @throws QmpConnectError if there is no such running domain; ENOENT if virsh is missing */
  static async connect(domain: LibvirtDomain, signal: AbortSignal): Promise<VirshBridge> {
    const bridge = new VirshBridge(domain);
    const reply = await bridge.#monitorCommand({ execute: 'query-version' }, signal);
    bridge.#followEvents();
    const version = isJsonObject(reply) ? reply['return'] : undefined;
    bridge.#emit({ QMP: { version: version ?? {}, capabilities: [] } });
    return bridge;
  }

  override _read(): void {
    // pushed as it comes: commands and events are few
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error) => void): void {
    try {
      this.#decoder.push(chunk, (message) => {
        this.#turn = this.#turn.then(() => this.#command(message));
      });
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#events?.kill();
    done(error);
  }

  async #command(message: JsonObject): Promise<void> {
    const { id, ...command } = message;
    if (command['execute'] === 'qmp_capabilities') {
      this.#emit({ return: {}, id });
      return;
    }
    try {
      const reply = await this.#monitorCommand(command);
      // The id in it is libvirt's own.
      this.#emit({ ...(isJsonObject(reply) ? reply : {}), id });
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  async #monitorCommand(command: JsonObject, signal?: AbortSignal): Promise<JsonValue> {
    const { domain } = this.#domain;
    const args = this.#virsh('qemu-monitor-command', domain, stringifyJson(command));
    try {
      const { stdout } = await run('virsh', args, {
        maxBuffer: 256 * 1024 * 1024,
        ...(signal === undefined ? {} : { signal }),
      });
      return parseJson(stdout);
    } catch (error) {
      const { stderr } = error as { stderr?: string };
      if (typeof stderr === 'string' && stderr !== '') throw libvirtFailed(domain, stderr);
      throw error;
    }
  }

  #followEvents(): void {
    const args = this.#virsh('qemu-monitor-event', this.#domain.domain, '--loop');
    const child = spawn('virsh', args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#events = child;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [, event, seconds, microseconds, details] = EVENT.exec(line) ?? [];
      if (event === undefined) return;
      this.#emit({
        event,
        timestamp: { seconds: Number(seconds), microseconds: Number(microseconds) },
        ...(details === undefined ? {} : { data: parseJson(details) }),
      });
    });
    child.on('error', (error) => this.destroy(error));
    child.on('exit', () => this.destroy());
  }

  #virsh(command: string, ...args: string[]): string[] {
    const { uri } = this.#domain;
    return ['-q', ...(uri === undefined ? [] : ['-c', uri]), command, ...args];
  }

  #emit(message: object): void {
    if (!this.destroyed) this.push(`${stringifyJson(message)}\r\n`);
  }
}
