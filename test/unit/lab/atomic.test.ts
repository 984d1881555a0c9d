import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildFolderOnce } from '#scripts/lab/atomic.js';
import { lockPath } from '#scripts/lab/lock.js';
import { useFolder } from '#scripts/lab/unused.js';
import { repositoryRoot } from '#scripts/repository.js';

describe('building a folder once', () => {
  let parent = '';
  let target = '';
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'precopy-atomic-'));
    target = join(parent, 'image');
  });
  afterEach(() => {
    rmSync(parent, { recursive: true });
  });

  function build(text: string) {
    return (folder: string): Promise<void> => {
      writeFileSync(join(folder, 'file'), text);
      return Promise.resolve();
    };
  }

  it('shows the folder only when it is whole', async () => {
    const built = await buildFolderOnce(target, async (folder) => {
      await build('one')(folder);
      assert.ok(!existsSync(target));
    });
    assert.equal(built, true);
    assert.equal(readFileSync(join(target, 'file'), 'utf8'), 'one');
    assert.deepEqual(readdirSync(parent), ['image']);
  });

  it('does not build what is there', async () => {
    await buildFolderOnce(target, build('one'));
    assert.equal(await buildFolderOnce(target, build('two')), false);
    assert.equal(readFileSync(join(target, 'file'), 'utf8'), 'one');
  });

  it('leaves nothing behind when the build fails, and the next attempt builds', async () => {
    await assert.rejects(
      buildFolderOnce(target, async (folder) => {
        await build('half')(folder);
        throw new Error('disk full');
      }),
      /disk full/,
    );
    assert.deepEqual(readdirSync(parent), []);
    assert.equal(await buildFolderOnce(target, build('whole')), true);
  });

  it('leaves nothing behind when it is aborted', async () => {
    const controller = new AbortController();
    const building = buildFolderOnce(
      target,
      async (folder) => {
        await build('half')(folder);
        controller.abort(new Error('enough'));
      },
      { signal: controller.signal },
    );
    await assert.rejects(building, /enough/);
    assert.deepEqual(readdirSync(parent), []);
  });

  it('removes what a killed build left', async () => {
    mkdirSync(join(parent, '.building-image-1'));
    await buildFolderOnce(target, build('one'));
    assert.deepEqual(readdirSync(parent), ['image']);
  });

  it('lets one of many build, and the others wait for it', async () => {
    let builds = 0;
    let waits = 0;
    const results = await Promise.all(
      Array.from({ length: 8 }, () =>
        buildFolderOnce(
          target,
          async (folder) => {
            builds += 1;
            await new Promise((resolve) => setTimeout(resolve, 50));
            await build('one')(folder);
          },
          { onWait: () => (waits += 1) },
        ),
      ),
    );
    assert.equal(builds, 1);
    assert.equal(waits, 7);
    assert.equal(results.filter(Boolean).length, 1);
  });

  describe('the lock', () => {
    it('is free again after its holder was killed', async () => {
      const module = join(repositoryRoot(), 'scripts/dist/lab/lock.js');
      const child = spawn(
        process.execPath,
        [
          '--input-type=module',
          '--eval',
          `import { lockPath } from ${JSON.stringify(module)};
           await lockPath(${JSON.stringify(target)});
           process.stdout.write('locked');
           setInterval(() => undefined, 1000);`,
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      await once(child.stdout, 'data');
      let waited = false;
      const lock = lockPath(target, {
        onWait: () => {
          waited = true;
          child.kill('SIGKILL');
        },
      });
      await (await lock).release();
      assert.ok(waited);
    });

    it('stops waiting when aborted', async () => {
      const held = await lockPath(target);
      const controller = new AbortController();
      const waiting = lockPath(target, {
        signal: controller.signal,
        onWait: () => {
          controller.abort(new Error('enough'));
        },
      });
      await assert.rejects(waiting, /enough/);
      await held.release();
    });
  });
});

describe('a folder of the cache that comes into use', () => {
  let parent = '';
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'precopy-unused-'));
    for (const name of ['trixie-1', 'trixie-2', 'sid-1']) mkdirSync(join(parent, name));
  });
  afterEach(() => {
    rmSync(parent, { recursive: true });
  });

  it('leaves its siblings alone that were used in the last hour', async () => {
    await useFolder(join(parent, 'trixie-2'), 'trixie-', new Date(Date.now() + 59 * 60_000));
    assert.deepEqual(readdirSync(parent).sort(), ['sid-1', 'trixie-1', 'trixie-2']);
  });

  it('removes earlier builds of the same thing that were not', async () => {
    await useFolder(join(parent, 'trixie-2'), 'trixie-', new Date(Date.now() + 61 * 60_000));
    assert.deepEqual(readdirSync(parent).sort(), ['sid-1', 'trixie-2']);
  });

  it('counts as used from then on', async () => {
    await useFolder(join(parent, 'trixie-1'), 'trixie-', new Date(Date.now() + 61 * 60_000));
    mkdirSync(join(parent, 'trixie-3'));
    await useFolder(join(parent, 'trixie-3'), 'trixie-', new Date(Date.now() + 62 * 60_000));
    assert.deepEqual(readdirSync(parent).sort(), ['sid-1', 'trixie-1', 'trixie-3']);
  });
});
