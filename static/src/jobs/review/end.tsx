// How a review ends: merged, merged before, discarded; and the question before it is discarded.
import { useSignal } from '@preact/signals'
import { problemOf } from '../../net/problem'
import { Dialog } from '../../ui/dialog'
import { Failure } from '../../ui/failure'
import { Icon } from '../../ui/icon'
import { words } from '../../ui/words/around'
import type { Job, Problem, ReviewFile } from '../../wire'
import { live } from '../../workspace/live'
import { toFiles } from '../../workspace/route'
import { isBusy, perform } from '../acts'
import { visible } from '../detail/log'

const say = words.review
const LINKS = 12 // to merged files

export function Done({ title, text, out = false }: { title: string; text: string; out?: boolean }) {
  return (
    <div class="review-done" data-out={out} role="status">
      <Icon name={out ? 'x' : 'check'} size={16} />
      <span>
        <b>{title}.</b> {text}
      </span>
      <button type="button" onClick={toFiles}>
        {say.back}
      </button>
    </div>
  )
}

export function Merged({ paths, files }: { paths: readonly string[]; files: readonly ReviewFile[] }) {
  const there = files.filter((file) => file.status !== 'deleted' && paths.includes(file.path)).slice(0, LINKS)
  const open = (path: string) => {
    toFiles()
    live.peek()?.documents.open(path)
  }
  return (
    <>
      <Done title={say.merged(paths.length)} text={say.mergedText} />
      <p class="review-opened">
        {there.map(({ path }) => (
          <button
            key={path}
            type="button"
            class="quiet"
            aria-label={say.open(visible(path))}
            onClick={() => open(path)}
          >
            {visible(path)}
          </button>
        ))}
      </p>
    </>
  )
}

export function Discard({ job, files, onClose }: { job: Job; files: number; onClose: () => void }) {
  const problem = useSignal<Problem | null>(null)
  const discard = async () => {
    try {
      await perform(job.id, 'discard')
      onClose()
    } catch (error) {
      problem.value = problemOf(error)
    }
  }
  const footer = (
    <>
      <button type="button" class="quiet" onClick={onClose}>
        {words.cancel}
      </button>
      <button type="button" class="danger" disabled={isBusy(job.id, 'discard')} onClick={discard}>
        {say.discard}
      </button>
    </>
  )
  return (
    <Dialog title={say.discardTitle} open onClose={onClose} footer={footer}>
      <p>{say.discardText(files)}</p>
      {problem.value && <Failure problem={problem.value} />}
    </Dialog>
  )
}
