package config

import (
	"fmt"
	"os"
	"strings"

	"github.com/keyway-go/keyway/router"
)

// secrets finds passwords by reference.
type secrets struct {
	env func(string) (string, bool)
}

func (c credentials) resolve(place string, s secrets) router.Credentials {
	return router.Credentials{
		App:      s.credential(place+".app", c.App),
		Migrator: s.credential(place+".migrator", c.Migrator),
	}
}

// credential looks the password up. One that is not there is no error of the file: a service has not the migrator's,
// and a migration has not the service's. Whoever needs it is told.
func (s secrets) credential(place string, c credential) router.Credential {
	out := router.Credential{User: c.User}
	switch {
	case c.PasswordEnv != "":
		v, ok := s.env(c.PasswordEnv)
		if !ok || v == "" {
			out.Missing = fmt.Sprintf("%s.password_env: the variable %s is not set", place, c.PasswordEnv)
		}
		out.Password = router.Secret(v)
	case c.PasswordFile != "":
		v, err := os.ReadFile(c.PasswordFile)
		text := strings.TrimSuffix(strings.TrimSuffix(string(v), "\n"), "\r")
		switch {
		case err != nil:
			out.Missing = fmt.Sprintf("%s.password_file: %v", place, err)
		case text == "":
			out.Missing = fmt.Sprintf("%s.password_file: %s is empty", place, c.PasswordFile)
		}
		out.Password = router.Secret(text)
	}
	return out
}
