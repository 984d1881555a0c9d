import { isDeepStrictEqual } from 'node:util';
import type { JsonObject, JsonValue } from '../json/value.js';
import type { RecordedMessage } from '../recording.js';
import { REDACTED } from '../trace.js';
import { FakeCommandError, FakeQemu, NO_REPLY, type ReceivedCommand } from './fakeQemu.js';

/**
 * A fake QEMU that behaves as the QEMU of a recording did: each command gets the reply that the same
 * command with the same arguments got, and events come where they came, between the same messages.
 * A command that the recording does not have (any more) fails.
 *
 *     const qemu = replay(parseRecording(await readFile('session.jsonl', 'utf8')));
 *     const client = await QmpClient.connect(qemu.stream());
 */
export function replay(recording: readonly RecordedMessage[]): FakeQemu {
  const greeting = recording.find(
    ({ kind, message }) => kind === 'received' && 'QMP' in message,
  )?.message;
  const fake = new FakeQemu(greeting === undefined ? {} : { greeting });
  const player = new Player(
    recording.filter(({ message }) => !('QMP' in message)),
    (message) => {
      fake.send(message);
    },
  );
  const handle = (_: JsonObject, received: ReceivedCommand): symbol => player.receive(received);
  return fake.on('qmp_capabilities', handle).otherwise(handle);
}

class Player {
  readonly #recording: readonly RecordedMessage[];
  readonly #send: (message: JsonObject) => void;
  /** Everything before it was played or received. */
  #position = 0;
  /** Commands received, by their place in the recording. */
  readonly #asked = new Set<number>();
  /** The ids of the client at hand, by those of the recording. */
  readonly #ids = new Map<JsonValue, JsonValue>();

  constructor(recording: readonly RecordedMessage[], send: (message: JsonObject) => void) {
    this.#recording = recording;
    this.#send = send;
  }

  receive(received: ReceivedCommand): symbol {
    const place = this.#recording.findIndex(
      ({ kind, message }, index) =>
        kind === 'sent' && !this.#asked.has(index) && isSameCommand(message, received),
    );
    const recorded = this.#recording[place];
    if (recorded === undefined) {
      throw new FakeCommandError(
        `The recording has no further ${received.command} with these arguments`,
      );
    }
    this.#asked.add(place);
    this.#ids.set(recorded.message['id'] ?? null, received.id ?? null);
    // After the handler has returned: the fake must not think of the next command meanwhile.
    setImmediate(() => {
      this.#play();
    });
    return NO_REPLY;
  }

  /** Sends what came next, up to what depends on a command that was not asked for yet. */
  #play(): void {
    for (;;) {
      const next = this.#recording[this.#position];
      if (next === undefined) return;
      if (next.kind === 'sent') {
        if (!this.#asked.has(this.#position)) return;
      } else {
        const { id } = next.message;
        if (id !== undefined && !this.#ids.has(id)) return;
        this.#send(
          id === undefined ? next.message : { ...next.message, id: this.#ids.get(id) ?? id },
        );
      }
      this.#position++;
    }
  }
}

function isSameCommand(recorded: JsonObject, received: ReceivedCommand): boolean {
  const name = recorded[received.oob ? 'exec-oob' : 'execute'];
  return name === received.command && isSameValue(recorded['arguments'] ?? {}, received.arguments);
}

/** Equal; what the recording hides may be anything. */
function isSameValue(recorded: JsonValue, received: JsonValue | undefined): boolean {
  if (recorded === REDACTED) return true;
  if (typeof recorded !== 'object' || typeof received !== 'object') {
    return isDeepStrictEqual(recorded, received);
  }
  if (recorded === null || received === null) return recorded === received;
  const names = new Set([...Object.keys(recorded), ...Object.keys(received)]);
  const of = (value: object, name: string): JsonValue | undefined =>
    (value as Record<string, JsonValue>)[name];
  return [...names].every((name) => {
    const member = of(recorded, name);
    return member !== undefined && isSameValue(member, of(received, name));
  });
}
