package assess

import "time"

// SetAnswerTimeout changes it until the function that it returns is called.
func SetAnswerTimeout(d time.Duration) (restore func()) {
	was := answerTimeout
	answerTimeout = d
	return func() { answerTimeout = was }
}
