// A file or folder of the workspace on its way from the tree or a tab to somewhere else on the screen.
const KIND = 'application/x-tandem-path'

/** Let what is dragged say which path it is; a folder's ends with a slash. */
export function drag(event: DragEvent, path: string): void {
  event.dataTransfer?.setData(KIND, path)
  event.dataTransfer?.setData('text/plain', path)
  if (event.dataTransfer) event.dataTransfer.effectAllowed = 'copy'
}

export const draggedPath = (event: DragEvent): string => event.dataTransfer?.getData(KIND) ?? ''
