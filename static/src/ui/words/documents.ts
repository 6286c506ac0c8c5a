// What people read about one document: what is saved, what could not be, who else is in it.
export const words = {
  readerOnly: 'Your role lets you read this workspace.',
  cannotOpen: 'This file cannot be opened.',
  offlineRow: 'Offline. What you write is kept in this browser and sent when the connection is back.',
  offlineNowhere:
    'Offline, and this browser has no room to keep what you write. Leave this page open until the connection is back.',
  moving: 'The workspace is moving to another server. Your edits are kept here and are sent when it is there.',
  offlineOpen:
    'Offline. This is the text kept in this browser; it is joined with the others’ when the connection is back.',
  notHere: 'There is no connection, and this file is not kept in this browser. It opens when the connection is back.',
  renewing: 'Loading again…',
  renewingWhy: 'The server has a new copy of this file; it is being loaded.',
  notSaved: (n: number) => `${n} not saved`,
  asideTitle: (name: string) => `Not saved in ${name}`,
  asideBanner: 'Some of what you wrote in this file was not saved.',
  asideLook: 'Look at it',
  asideWhy: {
    epoch:
      'The server had replaced this file’s history while you were away, so your copy could not be joined with it. The file now shows the server’s text.',
    refused: 'You may not write in this file any more, so the server did not take your last edits.',
    closed: 'The server closed this file before your last edits were saved.',
  },
  asideWhat: 'This is what you had changed. Nothing of it is in the file now.',
  copyPatch: 'Copy as a patch',
  copyText: 'Copy the text',
  applyAgain: 'Apply again',
  discard: 'Discard',
  cannotApply: 'You may only read this file.',
  copied: 'Copied',
  applied: 'Your edits are in the file again. Undo takes them back.',
  follow: (name: string) => `Follow ${name}`,
  following: (name: string) => `Following ${name}`,
  model: 'the model',
  theModel: 'Model',
  escape: 'Esc',
  stop: 'Stop',
  inThisFile: (names: string) => `In this file: ${names}`,
}
