import assert from 'node:assert/strict';
import { MessageDecoder, type CodecLimits } from 'qemu-qmp-client-ts/codec';
import type { JsonObject } from 'qemu-qmp-client-ts';

function decode(chunks: readonly Buffer[], limits?: CodecLimits): JsonObject[] {
  const decoder = new MessageDecoder(limits);
  const messages: JsonObject[] = [];
  for (const chunk of chunks) decoder.push(chunk, (message) => messages.push(message));
  return messages;
}

const STREAM = Buffer.from(
  '{"event": "STOP", "data": {"name": "größe 😀", "n": 9223372036854775807}}\r\n' +
    '\r\n{"return": {}, "id": 1}\n' +
    '{\r\n    "return": {\r\n    },\r\n    "id": 2\r\n}\r\n',
);
const MESSAGES = [
  { event: 'STOP', data: { name: 'größe 😀', n: 2n ** 63n - 1n } },
  { return: {}, id: 1 },
  { return: {}, id: 2 },
];

describe('the decoder', () => {
  it('gives the same messages wherever the bytes are cut in two', () => {
    for (let cut = 0; cut <= STREAM.length; cut++) {
      assert.deepEqual(decode([STREAM.subarray(0, cut), STREAM.subarray(cut)]), MESSAGES);
    }
  });

  it('takes one byte at a time', () => {
    assert.deepEqual(decode([...STREAM].map((byte) => Buffer.from([byte]))), MESSAGES);
  });

  it("forgets what stood before the guest agent's sentinel", () => {
    const bytes = Buffer.concat([
      Buffer.from('{"return": 1, "stale'),
      Buffer.from([0xff]),
      Buffer.from('{"return": 7}\n'),
    ]);
    assert.deepEqual(decode([bytes]), [{ return: 7 }]);
  });

  const bad: [name: string, bytes: Buffer, code: string][] = [
    ['garbage', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), 'QMP_PROTOCOL'],
    ['JSON that is no object', Buffer.from('[1]\n'), 'QMP_PROTOCOL'],
    ['half a character', Buffer.from([0x22, 0xc3, 0x22, 0x0a]), 'QMP_PROTOCOL'],
    ['an endless line', Buffer.alloc(2000, 'x'), 'QMP_LIMIT'],
    ['a long line', Buffer.from(`{"a": "${'x'.repeat(2000)}"}\n`), 'QMP_LIMIT'],
    ['an endless pretty object', Buffer.from('{\n' + '"a": 1,\n'.repeat(200)), 'QMP_LIMIT'],
    ['deep nesting', Buffer.from(`{"a": ${'['.repeat(40)}${']'.repeat(40)}}\n`), 'QMP_LIMIT'],
  ];
  for (const [name, bytes, code] of bad) {
    it(`refuses ${name} with ${code}`, () => {
      assert.throws(() => decode([bytes], { maxMessageBytes: 1000, maxNesting: 32 }), { code });
    });
  }

  it('does not count brackets inside strings as nesting', () => {
    const line = Buffer.from(`{"a": "${'['.repeat(100)}\\"${'{'.repeat(100)}"}\n`);
    assert.equal(decode([line], { maxMessageBytes: 1000, maxNesting: 32 }).length, 1);
  });
});
