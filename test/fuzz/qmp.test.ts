import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isJsonObject, parseJson, QmpError, stringifyJson } from 'qemu-qmp-client-ts';
import { MessageDecoder } from 'qemu-qmp-client-ts/codec';

/** QMP_FUZZ_INPUTS=1000000 for the long run; the default is what CI has time for. */
const numRuns = Number(process.env['QMP_FUZZ_INPUTS'] ?? 20_000);

/** JSON as the client knows it: integers beyond 2^53 are bigint, all others number. */
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Number.isInteger(n)),
    fc
      .bigInt({ min: -(2n ** 70n), max: 2n ** 70n })
      .map((n) => (n >= -(2n ** 53n) + 1n && n <= 2n ** 53n - 1n ? Number(n) : n)),
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[0-9\\"]{0,40}$/),
    fc.array(tie('value'), { maxLength: 5 }),
    tie('object'),
  ),
  object: fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), tie('value'), {
    maxKeys: 5,
    noNullPrototype: true,
  }),
}));

/** Messages as lines, cut and damaged: bytes replaced, removed and doubled anywhere. */
const damaged = fc
  .tuple(
    fc.array(json.object, { maxLength: 4 }),
    fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('replace', 'remove', 'insert')), {
      maxLength: 6,
    }),
    fc.array(fc.nat(), { maxLength: 4 }),
  )
  .map(([messages, changes, cuts]) => {
    const bytes = [
      ...Buffer.from(messages.map((message) => `${stringifyJson(message)}\r\n`).join('')),
    ];
    for (const [place, byte, kind] of changes) {
      const at = bytes.length === 0 ? 0 : place % bytes.length;
      if (kind === 'replace') bytes.splice(at, 1, byte);
      else if (kind === 'remove') bytes.splice(at, 1);
      else bytes.splice(at, 0, byte);
    }
    const all = Buffer.from(bytes);
    const ends = cuts.map((cut) => (all.length === 0 ? 0 : cut % all.length)).sort((a, b) => a - b);
    return [...ends, all.length].map((end, i) => all.subarray(i === 0 ? 0 : ends[i - 1], end));
  });

describe('JSON with 64-bit integers', () => {
  it('comes back as it was sent', () => {
    fc.assert(
      fc.property(json.value, (value) => {
        // JSON has no -0 for integers: QEMU's 0 and -0 are one.
        const text = stringifyJson(value);
        assert.equal(stringifyJson(parseJson(text)), text);
      }),
      { numRuns: Math.min(numRuns, 50_000) },
    );
  });

  it('is parsed as JSON.parse does wherever that is exact', () => {
    fc.assert(
      fc.property(fc.json({ depthSize: 'large' }), (text) => {
        const withLong = `{"long": "12345678901234567890", "value": ${text}}`;
        assert.deepEqual(stripped(parseJson(withLong)), JSON.parse(withLong));
      }),
      { numRuns: Math.min(numRuns, 50_000) },
    );
  });
});

/** What JSON.parse would have made of it. */
function stripped(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(stripped);
  if (!isJsonObject(value as never)) return value;
  return Object.fromEntries(
    Object.entries(value as object).map(([name, member]) => [name, stripped(member)]),
  );
}

describe(`the decoder, with ${numRuns} damaged streams`, () => {
  it('gives messages or fails with a QmpError, whatever comes and however it is cut', () => {
    fc.assert(
      fc.property(damaged, (chunks) => {
        const limits = { maxMessageBytes: 10_000, maxNesting: 16 };
        const whole = decode([Buffer.concat(chunks)], limits);
        const cut = decode(chunks, limits);
        assert.deepEqual(cut, whole);
      }),
      { numRuns },
    );
  }).timeout(0);
});

/** The messages, and the code of the error that ended them. */
function decode(
  chunks: readonly Buffer[],
  limits: { maxMessageBytes: number; maxNesting: number },
): unknown[] {
  const decoder = new MessageDecoder(limits);
  const seen: unknown[] = [];
  try {
    for (const chunk of chunks) decoder.push(chunk, (message) => seen.push(stringifyJson(message)));
  } catch (error) {
    assert.ok(error instanceof QmpError, String(error));
    seen.push(error.code);
  }
  return seen;
}
