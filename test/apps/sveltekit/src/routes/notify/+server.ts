import { json } from '@sveltejs/kit'
import { noteVisit } from '#lib/visits.ts'
import type { RequestHandler } from './$types'

export const POST: RequestHandler = async ({ request }) => {
  const { email } = await request.json()
  noteVisit(email)
  return json({ message: 'Notification sent in the background' })
}
