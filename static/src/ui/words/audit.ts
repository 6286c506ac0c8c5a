// Words of the audit log.
export const words = {
  title: 'Audit log',
  search: 'Search the audit log',
  example: 'Words of an entry: login, role, ana, 10.0.0.7 …',
  export: 'Take it away',
  verify: 'Verify the chain',
  walking: 'Walking…',
  whole: (entries: number) => `Whole: ${entries.toLocaleString('en')} ${entries === 1 ? 'entry' : 'entries'}.`,
  older: 'Older entries',
  none: 'No entry has these words.',
  server: 'the server',
  columns: ['No.', 'When', 'Who', 'What', 'To what', 'More', 'From'],
}
