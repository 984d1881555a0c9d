import assert from 'node:assert/strict';
import { parseJson, stringifyJson } from 'qemu-qmp-client-ts';

describe('integers of 64 bits', () => {
  const cases: [text: string, value: unknown][] = [
    ['9223372036854775807', 2n ** 63n - 1n],
    ['-9223372036854775808', -(2n ** 63n)],
    ['18446744073709551615', 2n ** 64n - 1n],
    ['9007199254740991', 2 ** 53 - 1],
    ['9007199254740992', 2n ** 53n],
    ['9007199254740993', 2n ** 53n + 1n],
    ['-9007199254740993', -(2n ** 53n) - 1n],
    ['1000000000000000', 1e15],
    ['0.12345678901234567', Number('0.12345678901234567')],
    ['12345678901234567890e2', Number('12345678901234567890e2')],
    ['"12345678901234567890"', '12345678901234567890'],
  ];
  for (const [text, value] of cases) {
    it(`${text} arrives as ${typeof value}`, () => {
      assert.deepEqual(parseJson(`{"a": [${text}, 1], "b": "\\"\\\\"}`), {
        a: [value, 1],
        b: '"\\',
      });
    });
  }

  it('leave exactly as they came', () => {
    const text = '{"max-bandwidth":9223372036854775807,"n":[-9223372036854775808,1.5,0]}';
    assert.equal(stringifyJson(parseJson(text)), text);
  });

  it('are sent without an exponent, even from a number', () => {
    assert.equal(stringifyJson({ size: 2 ** 70 }), '{"size":1180591620717411303424}');
  });

  it('do not make __proto__ a prototype', () => {
    const value = parseJson('{"__proto__": {"x": 1}, "n": 9223372036854775807}') as object;
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.deepEqual(Object.keys(value), ['__proto__', 'n']);
  });
});

describe('arguments that JSON does not have', () => {
  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;
  const cases: [name: string, value: unknown, message: RegExp][] = [
    ['NaN', { a: { b: [Number.NaN] } }, /The argument a\.b\[0\] is NaN/],
    ['a function', { f: () => 1 }, /The argument f is function/],
    ['a Buffer', { b: Buffer.from('x') }, /The argument b is a Buffer/],
    ['a cycle', cyclic, /nested too deeply/],
  ];
  for (const [name, value, message] of cases) {
    it(`${name} is refused, and the argument named`, () => {
      assert.throws(() => stringifyJson(value), { code: 'QMP_ARGUMENT', message });
    });
  }

  it('undefined members are left out', () => {
    assert.equal(stringifyJson({ a: undefined, b: 1 }), '{"b":1}');
  });
});
