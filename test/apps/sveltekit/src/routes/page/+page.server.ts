import { redirect } from '@sveltejs/kit'
import { backgroundTasks } from 'background-tasks/context'
import { answer, report } from '../../../../scenario.ts'
import type { Actions, PageServerLoad } from './$types'

/** Runs as one of several loads of the page; its task waits for the whole document. */
export const load: PageServerLoad = async ({ request, url }) => {
  const id = url.searchParams.get('id') ?? 'none'
  const streamed = answer(backgroundTasks, request).then((response) => response.text())
  return { id, streamed }
}

export const actions: Actions = {
  default: async ({ request }) => {
    const form = await request.formData()
    const id = String(form.get('id'))
    backgroundTasks().addTask(() => report('task-start', id))
    redirect(303, '/elsewhere')
  },
}
