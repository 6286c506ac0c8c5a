// Pictures on their way to a message: made small enough in the browser, then sent to the workspace.
import { Refusal, upload } from '../../net/http'
import { words } from '../../ui/words/composer'
import type { Id, Picture } from '../../wire'

export const KINDS = ['image/png', 'image/jpeg', 'image/webp', 'image/gif']
export const MOST = 8 // in a message
const SIDE = 2048 // px: models see no more
const MIB = 1024 * 1024
const MOST_BYTES = 5 * MIB

export const pictureUrl = (workspace: Id, { id }: Pick<Picture, 'id'>) => `/api/workspaces/${workspace}/pictures/${id}`

export const isPicture = (file: File) => KINDS.includes(file.type)

/** The size that fits into a square of `side`, never larger than it was. */
export function fitted(width: number, height: number, side = SIDE): { width: number; height: number } {
  const share = Math.min(1, side / Math.max(width, height))
  return { width: Math.max(1, Math.round(width * share)), height: Math.max(1, Math.round(height * share)) }
}

/** The file as it is sent: as it is if it is small enough, else drawn smaller. Throws a sentence for the person. */
export async function shrunk(file: File): Promise<Blob> {
  if (!isPicture(file)) throw new Error(words.notAPicture(file.name))
  const drawn = await createImageBitmap(file).catch(() => null)
  if (!drawn) throw new Error(words.damaged(file.name))
  const small = fitted(drawn.width, drawn.height)
  if (small.width === drawn.width && file.size <= MOST_BYTES) return file
  const canvas = new OffscreenCanvas(small.width, small.height)
  canvas.getContext('2d')?.drawImage(drawn, 0, 0, small.width, small.height)
  drawn.close()
  // Letters stay sharp in PNG; a photograph too large for it becomes a JPEG.
  const png = await canvas.convertToBlob({ type: 'image/png' })
  const blob = png.size <= MOST_BYTES ? png : await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 })
  if (blob.size > MOST_BYTES) throw new Error(words.tooLarge(file.name, MOST_BYTES / MIB))
  return blob
}

/** Send a picture to the workspace. Throws a sentence for the person. */
export async function sent(workspace: Id, file: File, progress: (share: number) => void): Promise<Picture> {
  const form = new FormData()
  form.set('file', await shrunk(file), file.name)
  try {
    const { id, width, height } = await upload<Picture>(`/workspaces/${workspace}/pictures`, form, progress)
    return { id, width, height }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw new Error(`${error.problem.message} ${error.problem.do}`.trim())
  }
}
