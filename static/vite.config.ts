import { defineConfig } from 'vitest/config'

// What every entry needs, in one file: split by who shares what, it weighs a kilobyte more.
const KIT = /src\/(ui\/(dialog|toast|failure|empty|icon|skeleton)|net\/(http|problem))\.tsx?$|node_modules\/@?preact/

// Three entries: the app, the dashboard, and the styles of the server-rendered pages. Django finds the files through
// the manifest.
export default defineConfig({
  base: '/static/',
  resolve: { alias: { 'lib0/logging': '/src/net/yjs-says.ts' } },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    manifest: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
    rollupOptions: {
      input: ['src/main.tsx', 'src/pages.css', 'src/dashboard/main.tsx'],
      output: { codeSplitting: { groups: [{ name: 'kit', test: KIT }] } },
    },
  },
  test: { environment: 'jsdom', include: ['test/**/*.test.{ts,tsx}'], restoreMocks: true },
})
