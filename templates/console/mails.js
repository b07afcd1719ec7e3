import {act, buttons, closer, dialog, get, h, hashOf, link, pager, plain, post, say, show, table, tabs, time, title} from './page.js'

const WHEN = {dead: 'Died', pending: 'Next try', sent: 'Sent'}

export default function page(to) {
	const {query} = to, tab = query.state ?? 'dead'
	const retry = it => act('Retry', `emails/${it.id}/retry`, {of: `mail ${it.id}`, said: 'It is tried again.', then: load})
	const preview = it => act('Preview', () => get(`emails/${it.id}`), {of: `mail ${it.id}`,
		then: mail => dialog(mail.subject, h('p', `To ${mail.to}`), h('pre', {tabindex: 0}, mail.text), buttons(closer()))})
	const load = show(to, [title('Mails'), tabs('State', Object.keys(WHEN), it => it, tab, state => hashOf('mails', {...query, state, after: ''}))],
	() => get('emails/', {...query, state: tab, limit: 50, order: tab === 'sent' && 'desc'}),
	({emails, next}) => [tab === 'dead' && emails.length > 0 && buttons(act('Retry all', retryAll, {sure: 'Try all dead mails again?', then: load})),
		table('Mails', `Mail,To,Order,${WHEN[tab]},Tries,Error,Actions`, emails.map(it => [plain(it.kind) ?? it.id, it.to, link(`#/orders/${it.order_id}`, `#${it.order_id}`),
			time(it.died_at ?? it.sent_at ?? it.next_attempt_at), it.attempts, it.last_error, [preview(it), ' ', tab === 'dead' && retry(it)]])), pager('mails', query, next)], 10000)
}

async function retryAll() {
	let after = '', count = 0
	do {
		const answer = await post(`emails/retry${after && `?after=${after}`}`)
		count += answer.retried
		after = answer.next
	} while (after)
	say(`${count} are tried again.`)
}
