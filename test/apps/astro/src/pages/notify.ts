import type { APIRoute } from 'astro'
import { noteVisit } from '../visits.ts'

export const POST: APIRoute = async ({ request }) => {
  const { email } = await request.json()
  noteVisit(email)
  return Response.json({ message: 'Notification sent in the background' })
}
