'use server'

import { withBackgroundTasks } from 'background-tasks/next'
import { notFound, redirect } from 'next/navigation'
import { addTasks } from '../../lib/add-tasks'
import { dependency } from '../../lib/dependency'
import { report } from '../../lib/events'
import { passed } from '../../lib/gates'

const idOf = (formData: FormData) => String(formData.get('id'))

export const act = withBackgroundTasks(async (tasks, formData: FormData) => {
  addTasks(tasks, idOf(formData))
})

export const actSlowly = withBackgroundTasks(async (tasks, formData: FormData) => {
  const id = idOf(formData)
  addTasks(tasks, id)
  await dependency(id)
  report('handler-waits', id)
  await passed(`${id}-handler`)
  report('handler-ends', id)
})

export const actAndRedirect = withBackgroundTasks(async (tasks, formData: FormData) => {
  addTasks(tasks, idOf(formData))
  redirect('/elsewhere')
})

export const actAndFindNothing = withBackgroundTasks(async (tasks, formData: FormData) => {
  addTasks(tasks, idOf(formData))
  notFound()
})

export const actAndThrow = withBackgroundTasks(async (tasks, formData: FormData) => {
  addTasks(tasks, idOf(formData))
  throw new Error('thrown by the action')
})

/** Called from a script: any arguments, any result. */
export const add = withBackgroundTasks(async (tasks, id: string, a: number, b: number) => {
  addTasks(tasks, id)
  return a + b
})
