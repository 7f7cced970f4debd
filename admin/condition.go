package admin

// Precondition is the versions of which a thing must be one to be changed; nil lets any be changed.
type Precondition []int64

func (p Precondition) check(version int64) error {
	for _, wanted := range p {
		if wanted == version {
			return nil
		}
	}
	if p == nil {
		return nil
	}
	return &StaleError{Current: version}
}

// PutCondition says what must be there for a thing to be put in its place. Without any, only what is not there yet is
// put: nobody replaces what they have not seen.
type PutCondition struct {
	// Match are the versions of which one must be there (If-Match); nil if it is not said.
	Match *Precondition
	// Absent: nothing may be there (If-None-Match: *).
	Absent bool
	// whatever is there is replaced.
	whatever bool
}

// check answers whether a thing may be put over this version of it, which is 0 if there is none.
func (c PutCondition) check(noun, id string, version int64) error {
	exists := version != 0
	switch {
	case c.whatever:
		return nil
	case !exists && c.Match != nil:
		return notFound(noun, id)
	case !exists:
		return nil
	case c.Absent:
		return &StaleError{Current: version}
	case c.Match == nil:
		return ErrPreconditionRequired
	default:
		return c.Match.check(version)
	}
}
