// What people read where a file changed on disk and here.
export const words = {
  title: 'Changed here and on disk',
  region: 'A conflict with the file on disk',
  theirs: 'On disk',
  gone: 'These lines were deleted on disk.',
  more: (n: number) => `${n.toLocaleString('en')} more lines`,
  keep: 'Keep ours',
  take: 'Take theirs',
  both: 'Keep both',
  unmerge: 'Undo the merge',
  unmergeWhy: 'Takes out everything the last merge from disk brought in; what was typed since stays.',
  readOnly: 'You can read here, not decide.',
  nothing: 'Nothing was merged from disk since this file was opened.',
  undone: 'The merge from disk was undone.',
  detached: 'This file was deleted on disk. The text lives on here, but is in no file.',
  attach: 'Make the file again',
  command: 'Undo what was merged from disk',
}
