/** What Yama's ptrace_scope refuses, on a kernel that has Yama. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { attempt } from '../support/attempt.js';

const scopeFile = '/proc/sys/kernel/yama/ptrace_scope';
const nobody = { uid: 65534, gid: 65534 };

describe("Yama's ptrace_scope", () => {
  const before = readFileSync(scopeFile, 'utf8');
  let lender: ChildProcess | undefined;

  afterEach(() => {
    lender?.kill('SIGKILL');
    writeFileSync(scopeFile, before);
  });

  /** Tries to borrow from a process of the same user, neither the parent of the other. */
  async function borrow(as: Parameters<typeof attempt>[3]): ReturnType<typeof attempt> {
    lender = spawn('sleep', ['600'], { stdio: 'ignore', ...as });
    await once(lender, 'spawn');
    return await attempt([], 'borrow-attempt.js', [String(lender.pid), '0'], as);
  }

  it('refuses nothing where it is 0', async () => {
    writeFileSync(scopeFile, '0');
    const { code, message } = await borrow(nobody);
    assert.equal(code, 'done', message);
  });

  for (const [scope, expected] of [
    [1, /ptrace_scope is 1 \(only a parent may trace its children\).*ptrace_scope=0/],
    [2, /ptrace_scope is 2 \(only processes with CAP_SYS_PTRACE may trace\)/],
  ] as const) {
    it(`is named as what refuses where it is ${scope}; root may borrow nonetheless`, async () => {
      writeFileSync(scopeFile, String(scope));
      const refused = await borrow(nobody);
      assert.equal(refused.code, 'VFIO_BORROW_PTRACE_SCOPE', refused.message);
      assert.match(refused.message, expected);
      lender?.kill('SIGKILL');
      const { code, message } = await borrow({});
      assert.equal(code, 'done', message);
    });
  }
});
