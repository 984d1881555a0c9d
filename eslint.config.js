import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(
  {
    ignores: [
      '**/dist/**',
      'coverage/**',
      'eslint.config.js',
      '**/bin/*.js',
      'qmp/src/generated/**',
      'qmp/docs/api/**',
      'vfio/src/bitmap/assembly/**',
    ],
  },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
    },
  },
  {
    // The layout's rule: qmp and vfio know nothing of each other nor of plugin.
    files: ['qmp/src/**/*.ts', 'vfio/src/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { paths: ['precopy', 'linux-vfio-ts', 'qemu-qmp-client-ts'] },
      ],
    },
  },
  {
    // mocha's describe/it may be called without awaiting what they return.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [{ from: 'package', package: 'mocha', name: ['it', 'describe'] }],
        },
      ],
    },
  },
);
