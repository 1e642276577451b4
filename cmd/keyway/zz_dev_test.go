package main_test
import ("testing";"os";"time";"github.com/keyway-go/keyway/internal/localpg/pgtest";"fmt")
func TestZZDev(t *testing.T){ c:=pgtest.SharedN(t,1)[0]; pgtest.Exec(t,c,"postgres","create role shop_owner login password 'o'; create role shop_app login password 'a'"); pgtest.Exec(t,c,"postgres","create database shop owner shop_owner"); os.WriteFile("/tmp/kw/dev.addr",[]byte(fmt.Sprintln(c.Addr(), c.DSN("postgres","shop"))),0o600); for i:=0;i<1200;i++{ if _,err:=os.Stat("/tmp/kw/dev.stop");err==nil{return}; time.Sleep(time.Second)}}
