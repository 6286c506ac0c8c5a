import { defineConfig } from 'vitest/config'

// Three entries: the app, the dashboard, and the styles of the server-rendered pages. Django finds the files through the manifest.
export default defineConfig({
  base: '/static/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    manifest: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
    rollupOptions: { input: ['src/main.tsx', 'src/pages.css', 'src/dashboard/main.tsx'] },
  },
  test: { environment: 'jsdom', include: ['test/**/*.test.{ts,tsx}'], restoreMocks: true },
})
