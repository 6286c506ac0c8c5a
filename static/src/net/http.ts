// The HTTP side of the server: JSON in, JSON out, problems as Refusal.
import type { Problem } from '../wire'

export class Refusal extends Error {
  constructor(
    readonly problem: Problem,
    readonly status = 0,
  ) {
    super(problem.message)
  }
}

const UNREACHABLE: Problem = {
  code: 'unreachable',
  message: 'The server does not answer.',
  do: 'Check the connection and try again.',
}

// The app answers 401 itself by going to sign-in: it is never an error to show.
export const signIn = () => location.assign(`/accounts/login/?next=${encodeURIComponent(location.pathname)}`)

const csrf = () => {
  const cookie = document.cookie.match(/(?:^|; )(?:tandem_csrf|__Host-csrf)=([^;]+)/)
  return cookie?.[1] ?? document.querySelector<HTMLMetaElement>('meta[name=csrf]')?.content ?? ''
}

function problemOf(body: unknown, status: number): Problem {
  const found = body as Partial<Problem> | null
  if (found?.message) return { code: found.code ?? 'refused', message: found.message, do: found.do ?? '', ...found }
  return { code: 'failed', message: `The server could not do this (${status}).`, do: 'Try again.' }
}

async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let answer: Response
  try {
    answer = await fetch(`/api${path}`, {
      method,
      headers: { 'X-CSRFToken': csrf(), ...(body !== undefined && { 'Content-Type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    })
  } catch {
    throw new Refusal(UNREACHABLE)
  }
  const text = await answer.text()
  let parsed: unknown = null
  try {
    parsed = text ? JSON.parse(text) : null
  } catch {
    parsed = null
  }
  if (answer.status === 401) signIn()
  if (!answer.ok) throw new Refusal(problemOf(parsed, answer.status), answer.status)
  return parsed as T
}

export const get = <T>(path: string) => ask<T>('GET', path)
// An aborted `signal` ends the wait with a Refusal; what the server has begun it may still finish.
export const post = <T>(path: string, body: unknown = {}, signal?: AbortSignal) => ask<T>('POST', path, body, signal)
export const put = <T>(path: string, body: unknown) => ask<T>('PUT', path, body)
export const patch = <T>(path: string, body: unknown) => ask<T>('PATCH', path, body)
export const del = <T>(path: string) => ask<T>('DELETE', path)

// `onProgress` gets the share sent, 0 to 1. XMLHttpRequest, because fetch tells nothing about an upload.
export function upload<T>(path: string, form: FormData, onProgress?: (share: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', `/api${path}`)
    request.setRequestHeader('X-CSRFToken', csrf())
    request.upload.onprogress = (e) => e.lengthComputable && onProgress?.(e.loaded / e.total)
    request.onerror = () => reject(new Refusal(UNREACHABLE))
    request.onload = () => {
      let body: unknown = null
      try {
        body = JSON.parse(request.responseText)
      } catch {
        body = null
      }
      if (request.status === 401) signIn()
      if (request.status < 300) resolve(body as T)
      else reject(new Refusal(problemOf(body, request.status), request.status))
    }
    request.send(form)
  })
}
